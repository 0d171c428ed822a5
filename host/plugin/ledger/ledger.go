package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Ledger remembers what operators did to plugins while the host ran. It is safe
// for any goroutine.
type Ledger struct {
	file string // "" for none

	mu      sync.Mutex
	entries entries
}

// entries are the content of the file, by the names of module files.
type entries struct {
	Disabled map[string]Entry `json:"disabled,omitempty"`
	// RolledBack are the canaries that are not tried again, the oldest first.
	RolledBack map[string][]RolledBack `json:"rolledBack,omitempty"`
}

// Entry says who did it, and when.
type Entry struct {
	Time time.Time `json:"time"`
	By   string    `json:"by,omitempty"`
}

// maxRolledBack bounds how many canaries of one plugin are remembered.
const maxRolledBack = 16

// RolledBack says which canary was rolled back, and why.
type RolledBack struct {
	Entry
	SHA256 string `json:"sha256"`
	Reason string `json:"reason"`
}

// String says who has rolled a canary back, and why.
func (e RolledBack) String() string {
	why := "rolled back at " + e.Time.UTC().Format(time.RFC3339)
	if e.By != "" {
		why += " by " + e.By
	}
	return why + ": " + e.Reason
}

// Open reads the file, if there is one.
func Open(file string) (*Ledger, error) {
	l := &Ledger{file: file}
	if file == "" {
		return l, nil
	}
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err == nil {
		d := json.NewDecoder(bytes.NewReader(content))
		d.DisallowUnknownFields() // of a later version, which must not be lost
		err = d.Decode(&l.entries)
	}
	if err != nil {
		return nil, fmt.Errorf("what operators did to plugins: %s: %w; remove the file to have every plugin enabled", file, err)
	}
	return l, nil
}

// Disabled says who has disabled a plugin, "" if nobody has.
func (l *Ledger) Disabled(file string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.entries.Disabled[file]
	if !ok {
		return ""
	}
	why := "disabled at " + e.Time.UTC().Format(time.RFC3339)
	if e.By != "" {
		why += " by " + e.By
	}
	return why + "; happn-host plugin enable takes that back"
}

// Disable remembers that a plugin is disabled.
func (l *Ledger) Disable(file, by string) error {
	return l.change(func(e *entries) {
		if _, ok := e.Disabled[file]; !ok {
			e.Disabled[file] = Entry{Time: time.Now(), By: by}
		}
	})
}

// Enable forgets that a plugin is disabled, and reports whether it was.
func (l *Ledger) Enable(file string) (was bool, err error) {
	err = l.change(func(e *entries) {
		_, was = e.Disabled[file]
		delete(e.Disabled, file)
	})
	return was, err
}

// RollBack remembers that a canary of a plugin is not to be tried again. It is
// remembered until the host stops also when it cannot be kept.
func (l *Ledger) RollBack(file string, entry RolledBack) error {
	add := func(e *entries) {
		all := slices.DeleteFunc(slices.Clone(e.RolledBack[file]), func(o RolledBack) bool { return o.SHA256 == entry.SHA256 })
		e.RolledBack[file] = append(all[max(0, len(all)+1-maxRolledBack):], entry)
	}
	err := l.change(add)
	if err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.entries = l.entries.with(add)
	}
	return err
}

// WasRolledBack returns what is remembered of a canary.
func (l *Ledger) WasRolledBack(file, sum string) (entry RolledBack, was bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.entries.RolledBack[file] {
		if e.SHA256 == sum {
			return e, true
		}
	}
	return RolledBack{}, false
}

// Forgive forgets which canaries of a plugin were rolled back.
func (l *Ledger) Forgive(file string) error {
	l.mu.Lock()
	some := len(l.entries.RolledBack[file]) > 0
	l.mu.Unlock()
	if !some {
		return nil
	}
	return l.change(func(e *entries) { delete(e.RolledBack, file) })
}

// change makes a change that is on disk when it returns, or is not made.
func (l *Ledger) change(change func(e *entries)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	next := l.entries.with(change)
	if err := l.write(next); err != nil {
		return fmt.Errorf("what operators did to plugins could not be kept: %w", err)
	}
	l.entries = next
	return nil
}

// with returns a copy with a change.
func (e entries) with(change func(e *entries)) entries {
	next := entries{Disabled: map[string]Entry{}, RolledBack: map[string][]RolledBack{}}
	maps.Copy(next.Disabled, e.Disabled)
	maps.Copy(next.RolledBack, e.RolledBack) // whose lists are never changed
	change(&next)
	return next
}

// write replaces the file in one step.
func (l *Ledger) write(entries entries) error {
	if l.file == "" {
		return nil
	}
	content, err := json.MarshalIndent(entries, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(l.file), ".plugins-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // of what could not be put in place
	_, err = f.Write(append(content, '\n'))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), l.file)
}

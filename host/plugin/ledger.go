package plugin

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

// ledger remembers what operators did to plugins while the host ran. It is safe
// for any goroutine.
type ledger struct {
	file string // "" for none

	mu      sync.Mutex
	entries ledgerEntries
}

// ledgerEntries are the content of the file, by the names of module files.
type ledgerEntries struct {
	Disabled map[string]ledgerEntry `json:"disabled,omitempty"`
	// RolledBack are the canaries that are not tried again, the oldest first.
	RolledBack map[string][]rolledBack `json:"rolledBack,omitempty"`
}

// ledgerEntry says who did it, and when.
type ledgerEntry struct {
	Time time.Time `json:"time"`
	By   string    `json:"by,omitempty"`
}

// maxRolledBack bounds how many canaries of one plugin are remembered.
const maxRolledBack = 16

// rolledBack says which canary was rolled back, and why.
type rolledBack struct {
	ledgerEntry
	SHA256 string `json:"sha256"`
	Reason string `json:"reason"`
}

// openLedger reads the file, if there is one.
func openLedger(file string) (*ledger, error) {
	l := &ledger{file: file}
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

// disabled says who has disabled a plugin, "" if nobody has.
func (l *ledger) disabled(file string) string {
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

// disable remembers that a plugin is disabled.
func (l *ledger) disable(file, by string) error {
	return l.change(func(e *ledgerEntries) {
		if _, ok := e.Disabled[file]; !ok {
			e.Disabled[file] = ledgerEntry{Time: time.Now(), By: by}
		}
	})
}

// enable forgets that a plugin is disabled, and reports whether it was.
func (l *ledger) enable(file string) (was bool, err error) {
	err = l.change(func(e *ledgerEntries) {
		_, was = e.Disabled[file]
		delete(e.Disabled, file)
	})
	return was, err
}

// rollBack remembers that a canary of a plugin is not to be tried again. It is
// remembered until the host stops also when it cannot be kept.
func (l *ledger) rollBack(file string, entry rolledBack) error {
	add := func(e *ledgerEntries) {
		all := slices.DeleteFunc(slices.Clone(e.RolledBack[file]), func(o rolledBack) bool { return o.SHA256 == entry.SHA256 })
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

// wasRolledBack returns what is remembered of a canary.
func (l *ledger) wasRolledBack(file, sum string) (entry rolledBack, was bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.entries.RolledBack[file] {
		if e.SHA256 == sum {
			return e, true
		}
	}
	return rolledBack{}, false
}

// forgive forgets which canaries of a plugin were rolled back.
func (l *ledger) forgive(file string) error {
	l.mu.Lock()
	some := len(l.entries.RolledBack[file]) > 0
	l.mu.Unlock()
	if !some {
		return nil
	}
	return l.change(func(e *ledgerEntries) { delete(e.RolledBack, file) })
}

// change makes a change that is on disk when it returns, or is not made.
func (l *ledger) change(change func(e *ledgerEntries)) error {
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
func (e ledgerEntries) with(change func(e *ledgerEntries)) ledgerEntries {
	next := ledgerEntries{Disabled: map[string]ledgerEntry{}, RolledBack: map[string][]rolledBack{}}
	maps.Copy(next.Disabled, e.Disabled)
	maps.Copy(next.RolledBack, e.RolledBack) // whose lists are never changed
	change(&next)
	return next
}

// write replaces the file in one step.
func (l *ledger) write(entries ledgerEntries) error {
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

package plugin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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
}

// ledgerEntry says who did it, and when.
type ledgerEntry struct {
	Time time.Time `json:"time"`
	By   string    `json:"by,omitempty"`
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

// change makes a change that is on disk when it returns, or is not made.
func (l *ledger) change(change func(e *ledgerEntries)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	next := ledgerEntries{Disabled: map[string]ledgerEntry{}}
	for file, e := range l.entries.Disabled {
		next.Disabled[file] = e
	}
	change(&next)
	if err := l.write(next); err != nil {
		return fmt.Errorf("what operators did to plugins could not be kept: %w", err)
	}
	l.entries = next
	return nil
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

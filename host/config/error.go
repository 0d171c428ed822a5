package config

import (
	"fmt"
	"strings"
)

// Error is one thing that is wrong with the configuration. Load and Validate
// join all they find; errors.As reaches the first, and an error that was made by
// errors.Join lists the others.
type Error struct {
	Source string // where it stands: "file host.yaml line 3", "environment variable HAPPN_PORT", "flag --port"; "" when a program set it
	Key    string // the key as it was written; "" when the whole source is at fault
	Reason string // what was found and what is expected
}

// Error says where, which key, and what to do.
func (e *Error) Error() string {
	var parts []string
	for _, p := range []string{e.Source, e.Key, e.Reason} {
		if p != "" && (p != e.Key || e.Source != "flag --"+e.Key) { // the flag names its key
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, ": ")
}

// found quotes a value for an error, and cuts what nobody wants to read.
func found(text string) string {
	const longest = 80
	if text == "" {
		return "found nothing"
	}
	if r := []rune(text); len(r) > longest {
		text = string(r[:longest]) + "..."
	}
	return fmt.Sprintf("found %q", text)
}

// found is found for a value of the key, which may be a secret.
func (e *entry) found(text string) string {
	if e.secret && text != "" {
		return "found a text that is not shown"
	}
	return found(text)
}

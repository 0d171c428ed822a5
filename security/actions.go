package security

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Actions is a set of actions.
type Actions uint16

// The actions that permissions name, in the order of their names. Any stands for
// all of them, and for what has no bit of its own here: ask for Any to ask
// whether such an action is permitted.
const (
	Any Actions = 1 << iota
	Delete
	Get
	Head
	On
	Options
	Post
	Put
	Remove
	Set
)

// Every is the set of all actions that have a name.
const Every = Any | Delete | Get | Head | On | Options | Post | Put | Remove | Set

var actionNames = [...]string{"*", "delete", "get", "head", "on", "options", "post", "put", "remove", "set"}

// ParseAction returns the action with this name.
func ParseAction(name string) (Actions, bool) {
	for i, known := range actionNames {
		if name == known {
			return 1 << i, true
		}
	}
	return 0, false
}

// ParseActions returns the set of the named actions.
func ParseActions(names []string) (Actions, error) {
	var all Actions
	for _, name := range names {
		a, ok := ParseAction(name)
		if !ok {
			return 0, fmt.Errorf("unknown action %q: use one of %s", name, strings.Join(actionNames[:], " "))
		}
		all |= a
	}
	return all, nil
}

// Has reports whether all of the actions b are in the set; Any is all of them.
func (a Actions) Has(b Actions) bool { return a&Any != 0 || a&b == b }

// Expand returns the set with everything that Any stands for.
func (a Actions) Expand() Actions {
	if a&Any != 0 {
		return Every
	}
	return a
}

// Names returns the names of the actions in the set, sorted.
func (a Actions) Names() []string {
	names := make([]string, 0, 4)
	for i, name := range actionNames {
		if a&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// String returns the names with blanks between them.
func (a Actions) String() string { return strings.Join(a.Names(), " ") }

// MarshalJSON implements json.Marshaler: a list of names.
func (a Actions) MarshalJSON() ([]byte, error) { return json.Marshal(a.Names()) }

// UnmarshalJSON implements json.Unmarshaler.
func (a *Actions) UnmarshalJSON(raw []byte) error {
	var names []string
	if err := json.Unmarshal(raw, &names); err != nil {
		return fmt.Errorf("actions must be a list of names: %w", err)
	}
	parsed, err := ParseActions(names)
	if err != nil {
		return err
	}
	*a = parsed
	return nil
}

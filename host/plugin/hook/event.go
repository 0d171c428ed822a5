package hook

import (
	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/object"
)

// Event says what a plugin subscribes to.
type Event struct {
	// Paths are patterns as clients subscribe to them.
	Paths []string
	// Actions are set, remove or both; empty means both.
	Actions []abi.Action
	// Each is set when every instance hears of each event, for what instances
	// keep in memory. Otherwise one of them does.
	Each bool
}

func readEvent(t *object.Reader) *Event {
	e := &Event{}
	e.Paths, _ = t.Texts("paths")
	words, _ := t.Words("actions", []string{abi.ActionSet.String(), abi.ActionRemove.String()})
	for _, w := range words {
		e.Actions = append(e.Actions, abi.ParseAction(w))
	}
	deliver := ""
	t.Word("deliver", []string{"one", "each"}, &deliver)
	e.Each = deliver == "each"
	return e
}

// with returns e with what the operator says.
func (e *Event) with(o *Event) *Event {
	if e == nil || o == nil {
		return e
	}
	out := *e
	if o.Paths != nil {
		out.Paths = o.Paths
	}
	if o.Actions != nil {
		out.Actions = o.Actions
	}
	return &out
}

// Channels are what clients would call the subscriptions.
func (e *Event) Channels() (all []string) {
	prefix := "/ALL@"
	if len(e.Actions) == 1 {
		prefix = map[abi.Action]string{abi.ActionSet: "/SET@", abi.ActionRemove: "/REMOVE@"}[e.Actions[0]]
	}
	for _, p := range e.Paths {
		all = append(all, prefix+p)
	}
	return all
}

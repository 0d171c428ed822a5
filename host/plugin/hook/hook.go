package hook

import (
	"errors"
	"fmt"
	"slices"

	"github.com/happn-host/happn-host/abi"
)

// OnError says what happens to a message whose plugin failed.
type OnError string

// The ways to go on after a fault.
const (
	OnErrorPass   OnError = "pass"   // as if the plugin were not there; the default of layers
	OnErrorReject OnError = "reject" // the message is answered with an error
	OnErrorClose  OnError = "close"  // the session is closed
)

// Hook says which messages a hook sees, and how. The fields up to Data are for
// layers; a hook of another kind has what its kind needs behind them.
type Hook struct {
	Kind Kind
	// Order sorts hooks of one kind over all plugins, lowest first; equal ones
	// by plugin name.
	Order int
	// Paths are patterns in which "*" stands for any text; empty means all.
	Paths []string
	// Actions are those it sees; empty means all.
	Actions []abi.Action
	// Kinds are the kinds of records an outbound hook sees; empty means
	// responses and publications.
	Kinds []abi.Kind
	// Scope is publication when the hook sees a publication once instead of once
	// for each recipient. Empty means recipient.
	Scope string
	// Data is lazy when the data section is left out of records and the plugin
	// fetches it when it wants it. Empty means eager.
	Data string
	// OnError overrides the manifest's when not empty.
	OnError OnError

	// Event is set for hooks of kind event.
	Event *Event
	// Service is set for hooks of kind service.
	Service *Service
	// Search is set for hooks of kind search.
	Search *Search
	// HTTP is set for hooks of kind http.
	HTTP *HTTP
	// Tick is set for hooks of kind tick.
	Tick *Tick
	// Auth is set for hooks of kind auth.
	Auth *Auth
	// Protocol is set for hooks of kind protocol.
	Protocol *Protocol

	ordered bool // Order was written down
}

// Values of Hook.Scope and Hook.Data.
const (
	ScopeRecipient   = "recipient"
	ScopePublication = "publication"
	DataEager        = "eager"
	DataLazy         = "lazy"
)

// Override replaces what the operator's entry o names, and takes away what only an operator
// may say.
func (h *Hook) Override(o Hook) {
	if o.ordered {
		h.Order = o.Order
	}
	if o.Paths != nil {
		h.Paths = o.Paths
	}
	if o.Actions != nil {
		h.Actions = o.Actions
	}
	if o.Kinds != nil {
		h.Kinds = o.Kinds
	}
	if o.OnError != "" {
		h.OnError = o.OnError
	}
	if o.Scope != "" {
		h.Scope = o.Scope
	}
	if o.Data != "" {
		h.Data = o.Data
	}
	h.Event = h.Event.with(o.Event)
	h.Service = h.Service.with(o.Service)
	h.Search = h.Search.with(o.Search)
	h.HTTP = h.HTTP.with(o.HTTP)
	h.Tick = h.Tick.with(o.Tick)
	h.Auth = h.Auth.with(o.Auth)
	h.Protocol = h.Protocol.with(o.Protocol)
}

// SettleOnError says what becomes of what a failing hook was asked: what its own
// entry says, or what the plugin's does where the kind allows it. Hooks that logins
// and rights depend on refuse, whoever says otherwise.
func (h *Hook) SettleOnError(all OnError, file, operatorFile string) error {
	rules := RulesAt(h.Kind.Place())
	allowed := func(o OnError) bool { return o == rules.OnError || slices.Contains(rules.Others, o) }
	switch {
	case h.OnError == "" && all != "" && allowed(all):
		h.OnError = all
	case h.OnError == "":
		h.OnError = rules.OnError
	case !allowed(h.OnError):
		return fmt.Errorf("%s or %s: hooks: %s: on_error: %s is not for this kind, which always does the same: %s; leave it out",
			file, operatorFile, h.Kind, h.OnError, rules.OnError)
	}
	return nil
}

// Check returns what is wrong with the hook as a whole.
func (h *Hook) Check() error {
	switch {
	case h.Service != nil && len(h.Service.Names) == 0:
		return errors.New("a service hook needs names")
	case h.Search != nil:
		return h.Search.check()
	}
	return nil
}

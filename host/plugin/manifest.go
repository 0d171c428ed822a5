package plugin

import (
	"encoding/json"

	"github.com/happn-host/happn-host/abi"
)

// Manifest says what a plugin is, what it wants and, after the operator's file
// has been merged into it, what it may do.
type Manifest struct {
	Name        string
	Version     string
	Description string
	// ABI is auto, raw or extism.
	ABI   string
	Hooks []Hook
	// Config is handed to the plugin as JSON when an instance starts.
	Config json.RawMessage
	// ConfigSchema is the JSON Schema of Config.
	ConfigSchema json.RawMessage
	// Grants are the capabilities: those wanted in a module's own manifest,
	// those given after the merge.
	Grants []Grant
	// Permissions are happn permissions by path, wanted or given like Grants.
	Permissions map[string]Permission
	// Calls are the names of services of other plugins that it may call, wanted
	// or given like Grants.
	Calls []string
	// Limits are those wanted, or in force after the merge.
	Limits  Limits
	OnError OnError
	// Enabled is false when the operator has switched the plugin off.
	Enabled bool
	// Required is set when the host must not serve before the plugin runs; only an
	// operator's file sets it.
	Required bool
	// SHA256 pins the module's content, in hexadecimal; only an operator's file
	// sets it.
	SHA256 string
	// Canary says how a candidate of the next version is tried; only an operator's
	// file sets it.
	Canary Canary
}

// Permission lists what a plugin may do on a path, as the permissions of a group
// do: get, set, remove, on, or * for all of them.
type Permission struct {
	Actions  []string
	Prohibit []string // wins over everything that is allowed
}

// Grant is a capability.
type Grant string

// The capabilities. GrantLog is given unless an operator's file says otherwise.
const (
	GrantLog        Grant = "log"
	GrantPublish    Grant = "publish"
	GrantHTTPRoutes Grant = "http-routes"
	GrantListen     Grant = "listen"
	GrantTick       Grant = "tick"
	GrantSessions   Grant = "sessions" // to look sessions up
)

var grantNames = []string{string(GrantLog), string(GrantPublish), string(GrantHTTPRoutes), string(GrantListen), string(GrantTick), string(GrantSessions)}

// OnError says what happens to a message whose plugin failed.
type OnError string

// The ways to go on after a fault.
const (
	OnErrorPass   OnError = "pass"   // as if the plugin were not there; the default of layers
	OnErrorReject OnError = "reject" // the message is answered with an error
	OnErrorClose  OnError = "close"  // the session is closed
)

var onErrorNames = []string{string(OnErrorPass), string(OnErrorReject), string(OnErrorClose)}

// Hook says which messages a hook sees, and how. The fields up to Data are for
// layers; a hook of another kind has what its kind needs behind them.
type Hook struct {
	Kind HookKind
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
	Event *EventHook
	// Service is set for hooks of kind service.
	Service *ServiceHook
	// Search is set for hooks of kind search.
	Search *SearchHook
	// HTTP is set for hooks of kind http.
	HTTP *HTTPHook
	// Tick is set for hooks of kind tick.
	Tick *TickHook
	// Auth is set for hooks of kind auth.
	Auth *AuthHook
	// Protocol is set for hooks of kind protocol.
	Protocol *ProtocolHook

	ordered bool // Order was written down
}

// Values of Hook.Scope and Hook.Data.
const (
	ScopeRecipient   = "recipient"
	ScopePublication = "publication"
	DataEager        = "eager"
	DataLazy         = "lazy"
)

// hook returns the hook of this kind, or nil.
func (m *Manifest) hook(kind HookKind) *Hook {
	for i := range m.Hooks {
		if m.Hooks[i].Kind == kind {
			return &m.Hooks[i]
		}
	}
	return nil
}

func (m *Manifest) granted(g Grant) bool {
	for _, have := range m.Grants {
		if have == g {
			return true
		}
	}
	return false
}

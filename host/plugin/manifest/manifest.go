package manifest

import (
	"encoding/json"

	"github.com/happn-host/happn-host/host/plugin/hook"
	"github.com/happn-host/happn-host/host/plugin/limit"
)

// Manifest says what a plugin is, what it wants and, after the operator's file
// has been merged into it, what it may do.
type Manifest struct {
	Name        string
	Version     string
	Description string
	// ABI is auto, raw or extism.
	ABI   string
	Hooks []hook.Hook
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
	Limits  limit.Set
	OnError hook.OnError
	// Enabled is false when the operator has switched the plugin off.
	Enabled bool
	// Required is set when the host must not serve before the plugin runs; only an
	// operator's file sets it.
	Required bool
	// SHA256 pins the module's content, in hexadecimal; only an operator's file
	// sets it.
	SHA256 string
	// AllowUnmetered is set when the module may run by its clock alone if it has instructions
	// that the meter does not know; only an operator's file sets it.
	AllowUnmetered bool
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

// hookGrants are those that a plugin needs for hooks of these kinds; a constant in all but
// name.
var hookGrants = map[hook.Kind]Grant{hook.KindHTTP: GrantHTTPRoutes, hook.KindTick: GrantTick, hook.KindProtocol: GrantListen}

// GrantFor returns what a plugin needs for hooks of a kind, "" for nothing.
func GrantFor(kind hook.Kind) Grant { return hookGrants[kind] }

var grantNames = []string{string(GrantLog), string(GrantPublish), string(GrantHTTPRoutes), string(GrantListen), string(GrantTick), string(GrantSessions)}

// Hook returns the hook of this kind, or nil.
func (m *Manifest) Hook(kind hook.Kind) *hook.Hook {
	for i := range m.Hooks {
		if m.Hooks[i].Kind == kind {
			return &m.Hooks[i]
		}
	}
	return nil
}

// Granted reports whether a capability is among the grants.
func (m *Manifest) Granted(g Grant) bool {
	for _, have := range m.Grants {
		if have == g {
			return true
		}
	}
	return false
}

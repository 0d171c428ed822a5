package plugin

// State says where in its life a plugin is.
type State string

// The states.
const (
	StateDiscovered State = "discovered" // found, and not looked at or compiled yet
	StateRefused    State = "refused"    // the file is no plugin that may run; Reason says why
	StateDisabled   State = "disabled"   // the operator has switched it off
	StateLoading    State = "loading"    // being compiled and warmed for the first time
	StateReady      State = "ready"      // sees messages
	StateDegraded   State = "degraded"   // sees messages, but an instance is being replaced or a newer version was refused
	StateOpen       State = "open"       // failed too often and is left alone; on_error decides about messages
	StateDraining   State = "draining"   // ends; calls in progress are finished
)

// Info describes one plugin at one moment.
type Info struct {
	Name        string
	Version     string
	Description string
	// File is the module's file name within the folder.
	File string
	// Kinds are its hooks.
	Kinds []HookKind
	State State
	// Reason says why State is not ready, in one line.
	Reason string
	// LastError is the last fault of the running version, if any.
	LastError string
	// SHA256 names the running version, or the refused one, in hexadecimal.
	SHA256 string
	// Signature says who has signed the module, "" for nobody.
	Signature string
	// Engine is the engine that runs it.
	Engine string
	// Instances is how many instances are in service, Limits.Instances how many
	// there should be.
	Instances int
	Limits    Limits
	Grants    []Grant
	// Memory is the bytes of all instances together, when they were last looked at.
	Memory int64
	// Listen is where connections come to: tcp:127.0.0.1:7000, websocket:/mqtt.
	Listen      []string
	Connections ConnectionCounts
	Counts
	// Hooks are the counts of each of Kinds.
	Hooks []HookCounts
	// Metrics are those that the plugin has defined.
	Metrics []Metric
}

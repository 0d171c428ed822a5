package config

import "time"

// PluginLimits bounds one plugin. Its fields are those of limit.Set, in their
// order, so that one becomes the other.
type PluginLimits struct {
	Timeout        time.Duration `koanf:"timeout"`        // one hook call
	StartTimeout   time.Duration `koanf:"startTimeout"`   // the start of one instance
	CompileTimeout time.Duration `koanf:"compileTimeout"` // compiling the module
	CompileMiB     int           `koanf:"compileMiB"`     // memory of who compiles it
	Fuel           int           `koanf:"fuel"`           // units for one hook call; 0 is what follows from Timeout
	StartFuel      int           `koanf:"startFuel"`      // units for its start; 0 is what follows from StartTimeout
	Wait           time.Duration `koanf:"wait"`           // for an instance, when all are busy
	Waiting        int           `koanf:"waiting"`        // messages that wait for one
	Instances      int           `koanf:"instances"`      // instances per plugin; 0 is one for each processor
	Drain          time.Duration `koanf:"drain"`          // connections to a version that was replaced
	ModuleMiB      int           `koanf:"moduleMiB"`      // size of the file
	Types          int           `koanf:"types"`          // types of functions
	Functions      int           `koanf:"functions"`      // functions that the module defines
	Globals        int           `koanf:"globals"`        // globals
	Tables         int           `koanf:"tables"`         // tables
	TableElements  int           `koanf:"tableElements"`  // of all tables of an instance
	MemoryMiB      int           `koanf:"memoryMiB"`      // memory of one instance
	StackKiB       int           `koanf:"stackKiB"`       // stack of one instance, outside of its memory
	OutputKiB      int           `koanf:"outputKiB"`      // output of one call
	Records        int           `koanf:"records"`        // in an output that is a list
	HostCalls      int           `koanf:"hostCalls"`      // of the host, in one hook call
	Searches       int           `koanf:"searches"`       // open at once in one hook call
	LogLines       int           `koanf:"logLines"`       // a second
	LogLineBytes   int           `koanf:"logLineBytes"`   // length of a line in the log
	Metrics        int           `koanf:"metrics"`        // metrics of one plugin
	Series         int           `koanf:"series"`         // sets of labels of a metric
	VarsKiB        int           `koanf:"varsKiB"`        // variables of one instance for Extism
	Events         int           `koanf:"events"`         // that wait
	EventsKiB      int           `koanf:"eventsKiB"`      // size of those together
	Timers         int           `koanf:"timers"`         // of one connection
	StateKiB       int           `koanf:"stateKiB"`       // kept of a connection for another version
	Requests       int           `koanf:"requests"`       // of one connection, unanswered
	EmittedKiB     int           `koanf:"emittedKiB"`     // what waits to be carried out for a connection
}

func defaultPluginLimits() PluginLimits {
	return PluginLimits{
		Timeout:        50 * time.Millisecond,
		StartTimeout:   5 * time.Second,
		CompileTimeout: 2 * time.Minute,
		CompileMiB:     512,
		Wait:           250 * time.Millisecond,
		Waiting:        1024,
		Drain:          30 * time.Second,
		ModuleMiB:      64,
		Types:          5000,
		Functions:      100_000,
		Globals:        10_000,
		Tables:         16,
		TableElements:  1 << 17,
		MemoryMiB:      64,
		StackKiB:       4096,
		OutputKiB:      1024,
		Records:        10_000,
		HostCalls:      10_000,
		Searches:       16,
		LogLines:       50,
		LogLineBytes:   8 << 10,
		Metrics:        32,
		Series:         256,
		VarsKiB:        1024,
		Events:         10_000,
		EventsKiB:      16 << 10,
		Timers:         16,
		StateKiB:       256,
		Requests:       64,
		EmittedKiB:     4096,
	}
}

// pluginLimitKeys are what an operator's file for a plugin can set below limits, with the
// same bounds.
func pluginLimitKeys() []entry {
	const none = " For plugins whose files set none."
	keys := []entry{
		{name: "timeout", kind: kindDuration, min: int64(time.Millisecond), max: int64(time.Minute), meaning: "Time that one hook call may take."},
		{name: "startTimeout", kind: kindDuration, min: int64(time.Millisecond), max: int64(10 * time.Minute), meaning: "Time that the start of one instance may take."},
		{name: "compileTimeout", kind: kindDuration, min: int64(time.Millisecond), max: int64(time.Hour), meaning: "Time that compiling the module may take."},
		{name: "compileMiB", kind: kindNumber, unit: "MiB", min: 1, max: 1 << 16, meaning: "Memory of the process that compiles the module."},
		{name: "fuel", kind: kindNumber, unit: "units", min: 1, max: 1 << 50, zero: "100,000,000 for each millisecond of the plugin's `timeout`", meaning: "What one hook call may do, in units of some 16 bytes of code, whatever the machine does beside it."},
		{name: "startFuel", kind: kindNumber, unit: "units", min: 1, max: 1 << 50, zero: "the same of its `startTimeout`", meaning: "The same for the start of one instance."},
		{name: "wait", kind: kindDuration, min: int64(time.Millisecond), max: int64(time.Minute), meaning: "How long a message waits for an instance when all are busy or being replaced."},
		{name: "waiting", kind: kindNumber, unit: "messages", min: 1, max: 1 << 20, meaning: "How many messages wait for an instance at once."},
		{name: "instances", kind: kindNumber, unit: "instances", min: 1, max: 1024, zero: "one for each processor", meaning: "Instances of one plugin. It bounds how many calls run at the same time."},
		{name: "drain", kind: kindDuration, min: int64(time.Millisecond), max: int64(time.Hour), meaning: "How long connections go on with a version that was replaced, if they cannot be handed over."},
		{name: "moduleMiB", kind: kindNumber, unit: "MiB", min: 1, max: 1024, meaning: "Size of the file of a module."},
		{name: "types", kind: kindNumber, unit: "types", min: 1, max: 100_000, meaning: "Types of functions in a module."},
		{name: "functions", kind: kindNumber, unit: "functions", min: 1, max: 1_000_000, meaning: "Functions that a module defines."},
		{name: "globals", kind: kindNumber, unit: "globals", min: 1, max: 1_000_000, meaning: "Globals of a module."},
		{name: "tables", kind: kindNumber, unit: "tables", min: 1, max: 1024, meaning: "Tables of a module."},
		{name: "tableElements", kind: kindNumber, unit: "elements", min: 1, max: 1 << 20, meaning: "What all tables of an instance hold together."},
		{name: "memoryMiB", kind: kindNumber, unit: "MiB", min: 1, max: 4096, meaning: "Memory that one instance may use. A guest written in Go needs more than 16."},
		{name: "stackKiB", kind: kindNumber, unit: "KiB", min: 1, max: 1 << 20, meaning: "Stack that one instance may use outside of that memory, by what its functions are taken to need."},
		{name: "outputKiB", kind: kindNumber, unit: "KiB", min: 1, max: 262_143, meaning: "Output that one hook call may produce."},
		{name: "records", kind: kindNumber, unit: "records", min: 1, max: 1 << 20, meaning: "Records in the output of one call, if it is a list."},
		{name: "hostCalls", kind: kindNumber, unit: "calls", min: 1, max: 1 << 30, meaning: "How often one hook call may call the host for documents, sessions, services and the like."},
		{name: "searches", kind: kindNumber, unit: "searches", min: 1, max: 1024, meaning: "Searches of one hook call that are open at once."},
		{name: "logLines", kind: kindNumber, unit: "lines a second", min: 1, max: 100_000, meaning: "Lines that the plugin may write to the log, and four times as many at once."},
		{name: "logLineBytes", kind: kindNumber, unit: "bytes", min: 1, max: 1 << 20, meaning: "Length of a line in the log."},
		{name: "metrics", kind: kindNumber, unit: "metrics", min: 1, max: 1024, meaning: "Metrics that the plugin may define."},
		{name: "series", kind: kindNumber, unit: "series", min: 1, max: 1 << 16, meaning: "Sets of labels of one such metric."},
		{name: "varsKiB", kind: kindNumber, unit: "KiB", min: 1, max: 1 << 20, meaning: "What one instance of a module for Extism keeps in variables."},
		{name: "events", kind: kindNumber, unit: "events", min: 1, max: 1 << 20, meaning: "Events that wait for the plugin."},
		{name: "eventsKiB", kind: kindNumber, unit: "KiB", min: 1, max: 1 << 20, meaning: "Size of all events that wait for the plugin."},
		{name: "timers", kind: kindNumber, unit: "timers", min: 1, max: 1 << 16, meaning: "Timers that run for one connection that a plugin speaks for."},
		{name: "stateKiB", kind: kindNumber, unit: "KiB", min: 1, max: 1 << 20, meaning: "What is kept of such a connection for the next version of the plugin."},
		{name: "requests", kind: kindNumber, unit: "requests", min: 1, max: 1 << 16, meaning: "Requests of such a connection that are not answered."},
		{name: "emittedKiB", kind: kindNumber, unit: "KiB", min: 1, max: 1 << 20, meaning: "What waits to be carried out for such a connection, unless it comes in one output."},
	}
	for i := range keys {
		keys[i].name = "plugins.default." + keys[i].name
		keys[i].meaning += none
	}
	return keys
}

package plugin

import (
	"log/slog"
	"time"

	"github.com/happn-host/happn-host/host/plugin/compiler"
	"github.com/happn-host/happn-host/host/plugin/limit"
	"github.com/happn-host/happn-host/host/tracing"
)

// Options says where plugins are found and what they may use. The zero value
// of every field but Dir is a working default.
type Options struct {
	// Dir is the watched folder. It is created when it does not exist. Empty
	// means no plugins.
	Dir string
	// CacheDir keeps compiled machine code between starts. It is created with
	// mode 0700, must belong to the user that runs the host, and must not be
	// inside Dir: whoever writes there decides what the host executes. Empty
	// keeps compiled code in memory.
	CacheDir string
	// Compiler begins the processes that compile modules, see host/plugin/compiler. Without
	// it modules are compiled in the host's own, with nothing to bound the memory that
	// this takes, nor the time if there are few processors.
	Compiler compiler.Command
	// Settle is how long the folder must be quiet after a change before it is
	// read. Default 250 ms.
	Settle time.Duration
	// Limits bounds each plugin whose operator file says nothing else.
	Limits limit.Set
	// Breaker says when a failing plugin is left alone.
	Breaker Breaker
	// Processors is how many processors calls of plugins that take longer than a
	// fraction of a millisecond keep busy at once, those of all plugins together.
	// Default: all but one, which is left to everybody else.
	Processors int
	// Services is what plugins reach of the host. Nil gives them none: imports that
	// need it return ErrnoUnsupported, and no events arrive.
	Services Services
	// StateFile keeps what operators do to plugins by Disable until they enable them
	// again. Empty keeps it in memory, until the Manager is closed.
	StateFile string
	// Trust are the keys whose signatures count, and RequireSigned refuses modules
	// that none of them has signed.
	Trust         []TrustedKey
	RequireSigned bool
	// Network is where connections of protocol plugins come from. Nil gives them
	// none: such plugins are refused.
	Network Network
	// Connections bounds each connection that plugins speak for.
	Connections ConnLimits
	// Tracer records ticks and events. Nil records nothing.
	Tracer *tracing.Tracer
	// Logger receives what happens to plugins, and what they log. Default: none.
	Logger *slog.Logger
}

// Breaker says when a plugin that keeps failing is left alone, and for how
// long.
type Breaker struct {
	// Faults within Window open the breaker. Default 5 in a minute.
	Faults int
	Window time.Duration
	// Pause is the first pause before the plugin is tried again; each further
	// one is twice as long, up to MaxPause. Default 1 s and 1 min. A window
	// without a fault starts again at Pause.
	Pause, MaxPause time.Duration
}

func (o Options) ensureDefaults() Options {
	pick(&o.Settle, 250*time.Millisecond)
	pick(&o.Processors, otherProcessors())
	pick(&o.Breaker.Faults, 5)
	pick(&o.Breaker.Window, time.Minute)
	pick(&o.Breaker.Pause, time.Second)
	pick(&o.Breaker.MaxPause, time.Minute)
	pick(&o.Connections.KeptBytes, 1<<20)
	pick(&o.Connections.QueueBytes, 4<<20)
	pick(&o.Connections.Goodbye, 2*time.Second)
	o.Limits = o.Limits.Or(limit.Default())
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func pick[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

package limit

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/meter"
)

// Name names one field of Set, by its place there.
type Name int

// The limits, and how many there are.
const (
	Timeout Name = iota
	StartTimeout
	CompileTimeout
	CompileMiB
	Fuel
	StartFuel
	Wait
	Waiting
	Instances
	Drain
	ModuleMiB
	Types
	Functions
	Globals
	Tables
	TableElements
	MemoryMiB
	StackKiB
	OutputKiB
	Records
	HostCalls
	Searches
	LogLines
	LogLineBytes
	Metrics
	Series
	VarsKiB
	Events
	EventsKiB
	Timers
	StateKiB
	Requests
	EmittedKiB

	Count
)

// Row describes a limit.
type Row struct {
	Key      string // below limits, in both files; the name of the field
	Standard int64  // the default, 0 if it is worked out; times are in nanoseconds
	Most     int64  // what an operator can set: what the host stands
	unit     string // of values, for people; "" for what is counted
}

// timeUnit is the unit of times, which files write as "50ms".
const timeUnit = "time"

// table is a constant in all but name.
var table = [Count]Row{
	Timeout:        {"timeout", int64(50 * time.Millisecond), int64(time.Minute), timeUnit},
	StartTimeout:   {"startTimeout", int64(5 * time.Second), int64(10 * time.Minute), timeUnit},
	CompileTimeout: {"compileTimeout", int64(2 * time.Minute), int64(time.Hour), timeUnit},
	CompileMiB:     {"compileMiB", 512, 1 << 16, "MiB"},
	Fuel:           {"fuel", 0, 1 << 50, "units"},
	StartFuel:      {"startFuel", 0, 1 << 50, "units"},
	Wait:           {"wait", int64(250 * time.Millisecond), int64(time.Minute), timeUnit},
	Waiting:        {"waiting", 1024, 1 << 20, ""},
	Instances:      {"instances", 0, 1024, ""},
	Drain:          {"drain", int64(30 * time.Second), int64(time.Hour), timeUnit},

	ModuleMiB:     {"moduleMiB", 64, 1024, "MiB"},
	Types:         {"types", 5000, 100_000, ""},
	Functions:     {"functions", 100_000, 1_000_000, ""},
	Globals:       {"globals", 10_000, 1_000_000, ""},
	Tables:        {"tables", 16, 1024, ""},
	TableElements: {"tableElements", meter.MaxTable, 1 << 20, ""},
	MemoryMiB:     {"memoryMiB", 64, 4096, "MiB"},
	StackKiB:      {"stackKiB", meter.DefaultStack >> 10, 1 << 20, "KiB"},

	OutputKiB:    {"outputKiB", 1024, abi.MaxOutput >> 10, "KiB"},
	Records:      {"records", 10_000, 1 << 20, ""},
	HostCalls:    {"hostCalls", 10_000, 1 << 30, ""},
	Searches:     {"searches", 16, 1024, ""},
	LogLines:     {"logLines", 50, 100_000, "a second"},
	LogLineBytes: {"logLineBytes", 8 << 10, 1 << 20, "bytes"},
	Metrics:      {"metrics", 32, 1024, ""},
	Series:       {"series", 256, 1 << 16, ""},
	VarsKiB:      {"varsKiB", 1024, 1 << 20, "KiB"},
	Events:       {"events", 10_000, 1 << 20, ""},
	EventsKiB:    {"eventsKiB", 16 << 10, 1 << 20, "KiB"},
	Timers:       {"timers", abi.MaxConnTimers, 1 << 16, ""},
	StateKiB:     {"stateKiB", abi.MaxConnState >> 10, 1 << 20, "KiB"},
	Requests:     {"requests", 64, 1 << 16, ""},
	EmittedKiB:   {"emittedKiB", 4 << 10, 1 << 20, "KiB"},
}

// Row returns what is known of the limit.
func (n Name) Row() Row { return table[n] }

// String returns the key of the limit as files and people write it.
func (n Name) String() string { return "limits." + table[n].Key }

// InTime reports whether values are times, in nanoseconds.
func (r *Row) InTime() bool { return r.unit == timeUnit }

// Text writes a value of the limit with its unit.
func (r *Row) Text(value int64) string {
	if r.unit == timeUnit {
		return time.Duration(value).String()
	}
	return strings.TrimSpace(strconv.FormatInt(value, 10) + " " + r.unit)
}

// exceeded says that a plugin is above a limit.
type exceeded struct {
	limit Name
	error
}

// Unwrap returns what the error is, beside that.
func (e *exceeded) Unwrap() error { return e.error }

// Wrap makes of an error one that tells which limit it is about.
func (n Name) Wrap(err error) error { return &exceeded{n, err} }

// Over returns the error of who is above a limit: what it is that is too much, the
// limit's value, and its key. as is what the error is beside that, nil for nothing.
func (l *Set) Over(n Name, as error, what string, args ...any) error {
	row, value := &table[n], l.Value(n)
	key := n.String()
	if value >= row.Most {
		key += ", which goes no higher"
	}
	err := fmt.Errorf("%s, above the limit of %s (%s)", fmt.Sprintf(what, args...), row.Text(value), key)
	if as != nil {
		err = fmt.Errorf("%w: %w", as, err)
	}
	return n.Wrap(err)
}

// Of returns which limit an error is about.
func Of(err error) (n Name, ok bool) {
	var e *exceeded
	if errors.As(err, &e) {
		return e.limit, true
	}
	return 0, false
}

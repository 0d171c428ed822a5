package plugin

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/meter"
)

// limit names one field of Limits, by its place there.
type limit int

const (
	limitTimeout limit = iota
	limitStartTimeout
	limitCompileTimeout
	limitCompileMiB
	limitFuel
	limitStartFuel
	limitWait
	limitWaiting
	limitInstances
	limitDrain
	limitModuleMiB
	limitTypes
	limitFunctions
	limitGlobals
	limitTables
	limitTableElements
	limitMemoryMiB
	limitStackKiB
	limitOutputKiB
	limitRecords
	limitHostCalls
	limitSearches
	limitLogLines
	limitLogLineBytes
	limitMetrics
	limitSeries
	limitVarsKiB
	limitEvents
	limitEventsKiB
	limitTimers
	limitStateKiB
	limitRequests
	limitEmittedKiB

	limitCount
)

// limitRow describes a limit.
type limitRow struct {
	key      string // below limits, in both files; the name of the field
	standard int64  // the default, 0 if it is worked out; times are in nanoseconds
	most     int64  // what an operator can set: what the host stands
	unit     string // of values, for people; "" for what is counted
}

// inTime is the unit of times, which files write as "50ms".
const inTime = "time"

// limitTable is a constant in all but name.
var limitTable = [limitCount]limitRow{
	limitTimeout:        {"timeout", int64(50 * time.Millisecond), int64(time.Minute), inTime},
	limitStartTimeout:   {"startTimeout", int64(5 * time.Second), int64(10 * time.Minute), inTime},
	limitCompileTimeout: {"compileTimeout", int64(2 * time.Minute), int64(time.Hour), inTime},
	limitCompileMiB:     {"compileMiB", 512, 1 << 16, "MiB"},
	limitFuel:           {"fuel", 0, 1 << 50, "units"},
	limitStartFuel:      {"startFuel", 0, 1 << 50, "units"},
	limitWait:           {"wait", int64(250 * time.Millisecond), int64(time.Minute), inTime},
	limitWaiting:        {"waiting", 1024, 1 << 20, ""},
	limitInstances:      {"instances", 0, 1024, ""},
	limitDrain:          {"drain", int64(30 * time.Second), int64(time.Hour), inTime},

	limitModuleMiB:     {"moduleMiB", 64, 1024, "MiB"},
	limitTypes:         {"types", 5000, 100_000, ""},
	limitFunctions:     {"functions", 100_000, 1_000_000, ""},
	limitGlobals:       {"globals", 10_000, 1_000_000, ""},
	limitTables:        {"tables", 16, 1024, ""},
	limitTableElements: {"tableElements", meter.MaxTable, 1 << 22, ""},
	limitMemoryMiB:     {"memoryMiB", 64, 4096, "MiB"},
	limitStackKiB:      {"stackKiB", meter.DefaultStack >> 10, 1 << 20, "KiB"},

	limitOutputKiB:    {"outputKiB", 1024, abi.MaxOutput >> 10, "KiB"},
	limitRecords:      {"records", 10_000, 1 << 20, ""},
	limitHostCalls:    {"hostCalls", 10_000, 1 << 30, ""},
	limitSearches:     {"searches", 16, 1024, ""},
	limitLogLines:     {"logLines", 50, 100_000, "a second"},
	limitLogLineBytes: {"logLineBytes", 8 << 10, 1 << 20, "bytes"},
	limitMetrics:      {"metrics", 32, 1024, ""},
	limitSeries:       {"series", 256, 1 << 16, ""},
	limitVarsKiB:      {"varsKiB", 1024, 1 << 20, "KiB"},
	limitEvents:       {"events", 10_000, 1 << 20, ""},
	limitEventsKiB:    {"eventsKiB", 16 << 10, 1 << 20, "KiB"},
	limitTimers:       {"timers", abi.MaxConnTimers, 1 << 16, ""},
	limitStateKiB:     {"stateKiB", abi.MaxConnState >> 10, 1 << 20, "KiB"},
	limitRequests:     {"requests", 64, 1 << 16, ""},
	limitEmittedKiB:   {"emittedKiB", 4 << 10, 1 << 20, "KiB"},
}

// String returns the key of the limit as files and people write it.
func (n limit) String() string { return "limits." + limitTable[n].key }

// text writes a value of the limit with its unit.
func (r *limitRow) text(value int64) string {
	if r.unit == inTime {
		return time.Duration(value).String()
	}
	return strings.TrimSpace(strconv.FormatInt(value, 10) + " " + r.unit)
}

// limitError says that a plugin is above a limit.
type limitError struct {
	limit limit
	error
}

// Unwrap returns what the error is, beside that.
func (e *limitError) Unwrap() error { return e.error }

// is makes of an error one that tells which limit it is about.
func (n limit) is(err error) error { return &limitError{n, err} }

// over returns the error of who is above a limit: what it is that is too much, the
// limit's value, and its key. as is what the error is beside that, nil for nothing.
func (l *Limits) over(n limit, as error, what string, args ...any) error {
	row, value := &limitTable[n], l.value(n)
	key := n.String()
	if value >= row.most {
		key += ", which goes no higher"
	}
	err := fmt.Errorf("%s, above the limit of %s (%s)", fmt.Sprintf(what, args...), row.text(value), key)
	if as != nil {
		err = fmt.Errorf("%w: %w", as, err)
	}
	return n.is(err)
}

// limitOf returns which limit an error is about.
func limitOf(err error) (n limit, ok bool) {
	var e *limitError
	if errors.As(err, &e) {
		return e.limit, true
	}
	return 0, false
}

package plugin

import (
	"reflect"
	"runtime"
	"time"

	"github.com/happn-host/happn-host/host/plugin/object"
)

// Limits bounds one plugin. A zero field means the default, which limitTable has,
// with what an operator can set.
type Limits struct {
	// Timeout bounds one hook call in wall-clock time.
	Timeout time.Duration
	// StartTimeout bounds the start of one instance: its start function,
	// _initialize and happn_init together.
	StartTimeout time.Duration
	// CompileTimeout bounds the time that it takes to compile the module. The compiler
	// looks at it between functions, and only where it has several processors.
	CompileTimeout time.Duration
	// CompileMiB bounds the memory of the process that compiles the module, if the host
	// has one for it, see Options.Compiler.
	CompileMiB int
	// Fuel bounds one hook call in units of the meter, whatever the machine does
	// beside it: a unit is the entry of a function or a turn of a loop, and 16
	// bytes of code. It is counted in slices of 8,000. What the call has the host
	// do costs units too, and what other plugins do because of it. Default 100,000,000
	// for each millisecond of Timeout, more than machines do in it: the time ends
	// calls then.
	Fuel int
	// StartFuel is the same for the start of one instance, by StartTimeout.
	StartFuel int
	// Wait bounds how long a message waits for an instance when all are busy or
	// being rebuilt.
	Wait time.Duration
	// Waiting bounds how many messages wait for an instance at once.
	Waiting int
	// Instances is how many instances run at once. Default one for each
	// processor.
	Instances int
	// Drain bounds how long the connections of a version that was replaced go on
	// with it, if they cannot be handed over.
	Drain time.Duration

	// ModuleMiB bounds the file.
	ModuleMiB int
	// Types bounds the types of functions in the module, Functions the functions that
	// it defines. The time to compile grows with both multiplied.
	Types, Functions int
	// Globals bounds the globals of the module.
	Globals int
	// Tables bounds the tables of the module, TableElements what all of them
	// together hold in one instance.
	Tables, TableElements int
	// MemoryMiB bounds the linear memory of one instance.
	MemoryMiB int
	// StackKiB bounds how deep an instance recurses, by what its functions are taken
	// to need of the engine's stack, which is outside of linear memory.
	StackKiB int

	// OutputKiB bounds the output of one call, Records the records in it if it is a
	// list.
	OutputKiB, Records int
	// HostCalls bounds how often one call of a hook may call the host for
	// documents, sessions, services and the like, Searches how many of its searches
	// are open at once.
	HostCalls, Searches int
	// LogLines is how many lines a second the plugin may write to the log, and four
	// times as many at once; LogLineBytes how long each may be.
	LogLines, LogLineBytes int
	// Metrics bounds the metrics that the plugin defines, Series the sets of labels
	// of each.
	Metrics, Series int
	// VarsKiB bounds what one instance of a module for Extism keeps with var_set.
	VarsKiB int
	// Events bounds how many events wait for the plugin, EventsKiB how large they
	// are together.
	Events, EventsKiB int
	// Timers bounds the timers that run for one connection, StateKiB what is kept
	// for another version to take it over with.
	Timers, StateKiB int
	// Requests bounds the requests of one connection that are not answered,
	// EmittedKiB what waits to be carried out for it unless it comes in one output.
	Requests, EmittedKiB int
}

// fields returns the fields of l, in their order, which is that of limitTable.
func (l *Limits) fields() (all [limitCount]reflect.Value) {
	v := reflect.ValueOf(l).Elem()
	for n := range all {
		all[n] = v.Field(n)
	}
	return all
}

// value returns the value of one limit; times are in nanoseconds.
func (l *Limits) value(n limit) int64 { return l.fields()[n].Int() }

// or returns l with every zero field taken from d.
func (l Limits) or(d Limits) Limits {
	mine, others := l.fields(), d.fields()
	for n := range mine {
		if mine[n].IsZero() {
			mine[n].Set(others[n])
		}
	}
	return l
}

// within returns l with no field above the one of limit, of which 0 is none: what
// a module wants for itself never raises what the operator allows.
func (l Limits) within(limit Limits) Limits {
	l = l.or(limit)
	mine, others := l.fields(), limit.fields()
	for n := range mine {
		if !others[n].IsZero() && mine[n].Int() > others[n].Int() {
			mine[n].Set(others[n])
		}
	}
	return l
}

// fuelled returns l with the fuel that follows from its times, where nobody has
// said how much.
func (l Limits) fuelled() Limits {
	pick(&l.Fuel, int(l.Timeout.Milliseconds()+1)*fuelPerMS)
	pick(&l.StartFuel, int(l.StartTimeout.Milliseconds()+1)*fuelPerMS)
	return l
}

// fuelPerMS is more than what a guest uses in a millisecond, in units.
const fuelPerMS = 100_000_000

func defaultLimits() (l Limits) {
	for n, field := range l.fields() {
		field.SetInt(limitTable[n].standard)
	}
	l.Instances = runtime.GOMAXPROCS(0)
	return l
}

// readLimits reads the object at limits.
func readLimits(t *object.Reader) (l Limits) {
	t.Object("limits", func(t *object.Reader) {
		for n, field := range l.fields() {
			row := &limitTable[n]
			if row.unit == inTime {
				var d time.Duration
				t.Duration(row.key, time.Duration(row.most), &d)
				field.SetInt(int64(d))
				continue
			}
			var value int
			t.Int(row.key, 1, int(row.most), &value)
			field.SetInt(int64(value))
		}
	})
	return l
}

func pick[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

package limit

import (
	"cmp"
	"reflect"
	"runtime"
	"time"

	"github.com/happn-host/happn-host/host/plugin/meter"
	"github.com/happn-host/happn-host/host/plugin/object"
)

// Set bounds one plugin. A zero field means the default, which table has,
// with what an operator can set.
type Set struct {
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

// fields returns the fields of l, in their order, which is that of table.
func (l *Set) fields() (all [Count]reflect.Value) {
	v := reflect.ValueOf(l).Elem()
	for n := range all {
		all[n] = v.Field(n)
	}
	return all
}

// Value returns the value of one limit; times are in nanoseconds.
func (l *Set) Value(n Name) int64 { return l.fields()[n].Int() }

// Or returns l with every zero field taken from d.
func (l Set) Or(d Set) Set {
	mine, others := l.fields(), d.fields()
	for n := range mine {
		if mine[n].IsZero() {
			mine[n].Set(others[n])
		}
	}
	return l
}

// Within returns l with no field above the one of most, of which 0 is none: what
// a module wants for itself never raises what the operator allows.
func (l Set) Within(most Set) Set {
	l = l.Or(most)
	mine, others := l.fields(), most.fields()
	for n := range mine {
		if !others[n].IsZero() && mine[n].Int() > others[n].Int() {
			mine[n].Set(others[n])
		}
	}
	return l
}

// Fuelled returns l with the fuel that follows from its times, where nobody has
// said how much.
func (l Set) Fuelled() Set {
	l.Fuel = cmp.Or(l.Fuel, int(l.Timeout.Milliseconds()+1)*fuelPerMS)
	l.StartFuel = cmp.Or(l.StartFuel, int(l.StartTimeout.Milliseconds()+1)*fuelPerMS)
	return l
}

// fuelPerMS is more than what a guest uses in a millisecond, in units.
const fuelPerMS = 100_000_000

// Default returns the limits of a plugin of which nobody says anything.
func Default() (l Set) {
	for n, field := range l.fields() {
		field.SetInt(table[n].Standard)
	}
	l.Instances = runtime.GOMAXPROCS(0)
	return l
}

// Read reads the object at limits.
func Read(t *object.Reader) (l Set) {
	t.Object("limits", func(t *object.Reader) {
		for n, field := range l.fields() {
			row := &table[n]
			if row.unit == timeUnit {
				var d time.Duration
				t.Duration(row.Key, time.Duration(row.Most), &d)
				field.SetInt(int64(d))
				continue
			}
			var value int
			t.Int(row.Key, 1, int(row.Most), &value)
			field.SetInt(int64(value))
		}
	})
	return l
}

// Bounds are what a module that is metered may have.
func (l *Set) Bounds() meter.Bounds {
	return meter.Bounds{Elements: l.TableElements, Stack: l.StackKiB << 10}
}

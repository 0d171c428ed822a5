package plugin

import (
	"runtime"
	"time"
)

// Limits bounds one plugin. A zero field means the default.
type Limits struct {
	// Timeout bounds one hook call in wall-clock time. Default 50 ms.
	Timeout time.Duration
	// StartTimeout bounds the start of one instance: its start function,
	// _initialize and happn_init together. Default 5 s.
	StartTimeout time.Duration
	// Fuel bounds one hook call in units of the meter, whatever the machine does
	// beside it: a unit is the head of a loop or the entry of a function, and 16
	// bytes of code. It is counted in slices of 25,000. What the call has the host
	// do costs units too, and what other plugins do because of it. Default 100,000,000
	// for each millisecond of Timeout, more than machines do in it: the time ends
	// calls then.
	Fuel int
	// StartFuel is the same for the start of one instance, by StartTimeout.
	StartFuel int
	// Wait bounds how long a message waits for an instance when all are busy or
	// being rebuilt. Default 250 ms.
	Wait time.Duration
	// Waiting bounds how many messages wait for an instance at once.
	// Default 1024.
	Waiting int
	// MemoryMiB bounds the linear memory of one instance. Default 64.
	MemoryMiB int
	// OutputKiB bounds the output of one call. Default 1024.
	OutputKiB int
	// Instances is how many instances run at once. Default one for each
	// processor.
	Instances int
	// HostCalls bounds how often one call of a hook may call the host for
	// documents, sessions, services and the like. Default 10,000.
	HostCalls int
	// Drain bounds how long the connections of a version that was replaced go on
	// with it, if they cannot be handed over. Default 30 s.
	Drain time.Duration
}

// or returns l with every zero field taken from d.
func (l Limits) or(d Limits) Limits {
	pick(&l.Timeout, d.Timeout)
	pick(&l.StartTimeout, d.StartTimeout)
	pick(&l.Fuel, d.Fuel)
	pick(&l.StartFuel, d.StartFuel)
	pick(&l.Wait, d.Wait)
	pick(&l.Waiting, d.Waiting)
	pick(&l.MemoryMiB, d.MemoryMiB)
	pick(&l.OutputKiB, d.OutputKiB)
	pick(&l.Instances, d.Instances)
	pick(&l.HostCalls, d.HostCalls)
	pick(&l.Drain, d.Drain)
	return l
}

// within returns l with no field above the one of limit: what a module wants
// for itself never raises what the operator allows.
func (l Limits) within(limit Limits) Limits {
	l = l.or(limit)
	l.Timeout = min(l.Timeout, limit.Timeout)
	l.StartTimeout = min(l.StartTimeout, limit.StartTimeout)
	l.Fuel = atMost(l.Fuel, limit.Fuel)
	l.StartFuel = atMost(l.StartFuel, limit.StartFuel)
	l.Wait = min(l.Wait, limit.Wait)
	l.Waiting = min(l.Waiting, limit.Waiting)
	l.MemoryMiB = min(l.MemoryMiB, limit.MemoryMiB)
	l.OutputKiB = min(l.OutputKiB, limit.OutputKiB)
	l.Instances = min(l.Instances, limit.Instances)
	l.HostCalls = min(l.HostCalls, limit.HostCalls)
	l.Drain = min(l.Drain, limit.Drain)
	return l
}

// atMost returns the lower one of two limits, of which 0 is none.
func atMost(a, b int) int {
	if a == 0 || b == 0 {
		return a + b
	}
	return min(a, b)
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

func defaultLimits() Limits {
	return Limits{
		Timeout:      50 * time.Millisecond,
		StartTimeout: 5 * time.Second,
		Wait:         250 * time.Millisecond,
		Waiting:      1024,
		MemoryMiB:    64,
		OutputKiB:    1024,
		Instances:    runtime.GOMAXPROCS(0),
		HostCalls:    10_000,
		Drain:        30 * time.Second,
	}
}

func pick[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

package manifest

import (
	"math"
	"time"

	"github.com/happn-host/happn-host/host/plugin/object"
)

// Canary says how the candidate of a plugin's next version is tried. Only an
// operator's file has it.
type Canary struct {
	// Share is the percentage of sessions that see the candidate. Default 10.
	Share int
	// PromoteAfter is how long it must run without a fault before it takes the
	// plugin's place by itself; 0 is never.
	PromoteAfter time.Duration
	// MinCalls is how many calls it must have had before that, and before its
	// answers are compared with those of the version that runs. Default 100.
	MinCalls int
	// MaxFaults is how many faults within Breaker.Window roll it back. Default 3.
	MaxFaults int
	// MaxErrors and MaxRefusals are by how many percentage points the calls that it
	// fails on, and those that it refuses, may exceed those of the version that
	// runs. Default 5 and 20; 100 does not compare.
	MaxErrors, MaxRefusals int
	// SHA256 is what the content of the candidate must be, in hexadecimal, and what
	// the module's may be, which it becomes.
	SHA256 string
}

func defaultCanary() Canary {
	return Canary{Share: 10, MinCalls: 100, MaxFaults: 3, MaxErrors: 5, MaxRefusals: 20}
}

// readCanary reads the key canary of an operator's file.
func readCanary(t *object.Reader) Canary {
	c := defaultCanary()
	t.Object("canary", func(o *object.Reader) {
		o.Int("share", 1, 100, &c.Share)
		if v, _ := o.Get("promoteAfter"); v != 0 { // never, in words that a duration has not
			o.Duration("promoteAfter", 366*24*time.Hour, &c.PromoteAfter)
		}
		o.Int("minCalls", 1, math.MaxInt32, &c.MinCalls)
		o.Int("maxFaults", 1, 1<<20, &c.MaxFaults)
		o.Int("maxErrors", 0, 100, &c.MaxErrors)
		o.Int("maxRefusals", 0, 100, &c.MaxRefusals)
		o.Text("sha256", &c.SHA256)
	})
	return c
}

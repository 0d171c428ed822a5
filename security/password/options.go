package password

import (
	"fmt"
	"runtime"
	"time"
)

// Algorithm is how new passwords are hashed.
type Algorithm string

// The algorithms.
const (
	// PBKDF2 is PBKDF2-HMAC-SHA-512, which happn-3 reads.
	PBKDF2 Algorithm = "pbkdf2"
	// Argon2id needs memory as well as time, which makes guessing with
	// graphics cards expensive. happn-3 does not read it.
	Argon2id Algorithm = "argon2id"
)

// Options is how passwords are hashed. The zero value is ready to use.
type Options struct {
	Algorithm Algorithm // "" is PBKDF2

	// Iterations of PBKDF2, from 1,000 to 10 million; 0 is 100,000. happn-3
	// has 10,000.
	Iterations int

	// Memory of one Argon2id hash in KiB, from 8 MiB to 1 GiB; 0 is 19 MiB.
	Memory int
	// Passes of Argon2id over its memory, from 1 to 100; 0 is 2.
	Passes int

	// Workers is how many hashes are made at the same time; 0 is half of the
	// cores, but at least one.
	Workers int
	// Queue is how many callers may wait for a worker; 0 is 1,000.
	Queue int
	// Timeout is how long they may wait; 0 is 10 s.
	Timeout time.Duration

	// OnWork is told of each hash that is made, from the goroutine that makes
	// it: for metrics and tests. It may be nil.
	OnWork func(Work)
}

// Work is one hash that was made.
type Work struct {
	Algorithm Algorithm
	Cost      int // iterations, or passes times KiB
}

// Bounds of what a stored hash may ask for: a text in the database must not be
// able to stop the server.
const (
	minIterations = 1_000
	maxIterations = 10_000_000
	minMemory     = 8 << 10
	maxMemory     = 1 << 20
	maxPasses     = 100

	// MaxBytes is the longest password that is accepted.
	MaxBytes = 4096
)

func (o Options) ensureDefaults() (Options, error) {
	if o.Algorithm == "" {
		o.Algorithm = PBKDF2
	}
	if o.Algorithm != PBKDF2 && o.Algorithm != Argon2id {
		return o, fmt.Errorf("password algorithm %q is unknown: use %q or %q", string(o.Algorithm), PBKDF2, Argon2id)
	}
	defaults(&o.Iterations, 100_000)
	defaults(&o.Memory, 19<<10)
	defaults(&o.Passes, 2)
	defaults(&o.Workers, max(1, runtime.GOMAXPROCS(0)/2))
	defaults(&o.Queue, 1000)
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	for _, b := range []struct {
		what       string
		is, lo, hi int
	}{
		{"iterations", o.Iterations, minIterations, maxIterations},
		{"memory in KiB", o.Memory, minMemory, maxMemory},
		{"passes", o.Passes, 1, maxPasses},
		{"workers", o.Workers, 1, 1 << 10},
		{"queue", o.Queue, 1, 1 << 20},
	} {
		if b.is < b.lo || b.is > b.hi {
			return o, fmt.Errorf("password hashing: %s is %d, it must be from %d to %d", b.what, b.is, b.lo, b.hi)
		}
	}
	if o.Timeout < 0 {
		return o, fmt.Errorf("password hashing: the timeout is %v, it must not be negative", o.Timeout)
	}
	return o, nil
}

func defaults(n *int, value int) {
	if *n == 0 {
		*n = value
	}
}

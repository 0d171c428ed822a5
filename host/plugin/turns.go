package plugin

import (
	"runtime"
	"sync/atomic"
	"time"

	"github.com/happn-host/happn-host/host/plugin/meter"
)

// turns has the calls that compute for long keep no more than so many processors
// busy, whichever plugins they are of: messages that have nothing to do with them
// find a processor free. Who waits for a turn gets it in the order of waiting.
type turns struct {
	taken   chan struct{} // has room for as many as compute at once
	waiting atomic.Int32
}

// unnoticed is how much a call uses before it needs a turn, in units: a fraction of
// a millisecond.
const unnoticed = 25 * meter.Slice

func newTurns(processors int) *turns { return &turns{taken: make(chan struct{}, processors)} }

// otherProcessors is all but one, for those who do not compute.
func otherProcessors() int { return max(1, runtime.GOMAXPROCS(0)-1) }

func (t *turns) take() {
	t.waiting.Add(1)
	t.taken <- struct{}{}
	t.waiting.Add(-1)
}

func (t *turns) give() { <-t.taken }

// stretch is how long a call computes before it lets others go first.
const stretch = 200 * time.Microsecond

// queue has a call go on when it is its turn. What it waits is none of its time.
func (i *instance) queue(now time.Time) {
	t := i.gen.plugin.manager.turns
	if i.computes {
		if now.Sub(i.stepped) < stretch {
			return
		}
		i.stepped = now
		// Sessions and the collector would otherwise wait for Go's time slice of 10 ms,
		// other processes and the host's other threads for the system's.
		letOthersRun()
		if t.waiting.Load() == 0 {
			runtime.Gosched()
			return
		}
		t.give()
	}
	i.computes, i.stepped = true, now
	select {
	case t.taken <- struct{}{}:
		return
	default:
	}
	i.host.stand()
	t.take()
	i.stepped = time.Now()
	i.deadline = i.deadline.Add(i.stepped.Sub(now))
	i.host.goOn(i.deadline)
}

// rest gives the turn back, at the end of a call or where it waits for others.
func (i *instance) rest() {
	if i.computes {
		i.computes = false
		i.gen.plugin.manager.turns.give()
	}
}

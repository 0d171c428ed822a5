package pipeline

import (
	"sync"
	"sync/atomic"

	"github.com/happn-host/happn-host/host/session"
)

// lane holds the writes of one peer that are not answered yet, in the order in
// which they were asked for. They are finished in that order, whenever the one
// at the head is done.
type lane struct {
	pipeline *Pipeline
	pending  atomic.Int32 // ops in the lane, or being finished

	mu        sync.Mutex
	ops       []*op
	scheduled bool // a completer has, or will have, the lane
}

// busy reports whether anything is not finished. Only the peer's own goroutine
// adds ops, so to it the answer false stays true.
func (l *lane) busy() bool { return l.pending.Load() > 0 }

func (l *lane) push(o *op) {
	l.pending.Add(1)
	l.mu.Lock()
	l.ops = append(l.ops, o)
	l.mu.Unlock()
}

// pushStarted adds an op that the store has already been asked about. A
// completer may finish and reuse the op as soon as the lock is released.
func (l *lane) pushStarted(o *op) {
	l.pending.Add(1)
	l.mu.Lock()
	l.ops = append(l.ops, o)
	answered := !o.state.CompareAndSwap(opStarted, opQueued)
	l.mu.Unlock()
	if answered {
		l.ready()
	}
}

// ready is called when an op of the lane is done.
func (l *lane) ready() {
	l.mu.Lock()
	schedule := !l.scheduled && len(l.ops) > 0 && l.ops[0].done()
	l.scheduled = l.scheduled || schedule
	l.mu.Unlock()
	if schedule {
		l.pipeline.completion.add(l)
	}
}

// run finishes the ops at the head that are done.
func (l *lane) run(b *session.Batch) {
	for {
		l.mu.Lock()
		if len(l.ops) == 0 || !l.ops[0].done() {
			l.scheduled = false
			if len(l.ops) == 0 {
				l.ops = nil
			}
			l.mu.Unlock()
			return
		}
		o := l.ops[0]
		l.ops[0] = nil
		l.ops = l.ops[1:]
		l.mu.Unlock()
		o.finish(b)
		l.pending.Add(-1)
	}
}

// completion finishes writes that were answered by a store's goroutine, which
// must not be kept.
type completion struct {
	mu      sync.Mutex
	wake    sync.Cond
	lanes   []*lane
	closed  bool
	workers sync.WaitGroup
}

func (c *completion) start(workers int) {
	c.wake.L = &c.mu
	for range workers {
		c.workers.Add(1)
		go c.run()
	}
}

func (c *completion) add(l *lane) {
	c.mu.Lock()
	c.lanes = append(c.lanes, l)
	c.mu.Unlock()
	c.wake.Signal()
}

// run takes the lanes that are waiting together, so that what they send to one
// peer leaves together.
func (c *completion) run() {
	defer c.workers.Done()
	var batch session.Batch
	var mine []*lane
	for {
		c.mu.Lock()
		for len(c.lanes) == 0 && !c.closed {
			c.wake.Wait()
		}
		if len(c.lanes) == 0 {
			c.mu.Unlock()
			return
		}
		mine, c.lanes = c.lanes, mine[:0]
		c.mu.Unlock()
		for i, l := range mine {
			l.run(&batch)
			mine[i] = nil
		}
		batch.Flush()
	}
}

// stop finishes what is done and ends the goroutines.
func (c *completion) stop() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.wake.Broadcast()
	c.workers.Wait()
}

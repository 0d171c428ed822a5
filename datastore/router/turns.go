package router

import (
	"sync"

	"github.com/happn-host/happn-host/datastore"
)

// turns answers writes in the order in which they were made, whichever store is
// done first.
type turns struct {
	mu      sync.Mutex
	changed sync.Cond
	queue   []*turn // not answered yet, in the order of making
	calling bool    // somebody is answering
	made    uint64  // turns that were ever queued
	called  uint64  // and answered
}

func newTurns() *turns {
	t := &turns{}
	t.changed.L = &t.mu
	return t
}

// turn is the place of one write in the queue, and its answer.
type turn struct {
	turns   *turns
	written datastore.Written // one of the three is set
	removed datastore.Removed
	batch   datastore.WrittenAll

	ready bool
	doc   *datastore.Document
	docs  []*datastore.Document
	n     int
	err   error
}

func (t *turns) forWrite(done datastore.Written) datastore.Written {
	return t.push(&turn{turns: t, written: done})
}

func (t *turns) forRemove(done datastore.Removed) datastore.Removed {
	return t.push(&turn{turns: t, removed: done})
}

func (t *turns) forBatch(done datastore.WrittenAll) datastore.WrittenAll {
	return t.push(&turn{turns: t, batch: done})
}

func (t *turns) push(one *turn) *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.queue = append(t.queue, one)
	t.made++
	return one
}

// Written implements datastore.Written.
func (o *turn) Written(doc *datastore.Document, err error) {
	o.doc, o.err = doc, err
	o.turns.answer(o)
}

// Removed implements datastore.Removed.
func (o *turn) Removed(n int, err error) {
	o.n, o.err = n, err
	o.turns.answer(o)
}

// WrittenAll implements datastore.WrittenAll.
func (o *turn) WrittenAll(docs []*datastore.Document, err error) {
	o.docs, o.err = docs, err
	o.turns.answer(o)
}

// answer calls back for everybody at the head of the queue who is ready, unless
// somebody else is doing so, who will then see this turn too.
func (t *turns) answer(one *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	one.ready = true
	if t.calling {
		return
	}
	t.calling = true
	for len(t.queue) > 0 && t.queue[0].ready {
		head := t.queue[0]
		t.queue[0] = nil
		t.queue = t.queue[1:]
		t.mu.Unlock()
		head.call()
		t.mu.Lock()
		t.called++
	}
	t.calling = false
	t.changed.Broadcast()
}

func (o *turn) call() {
	switch {
	case o.written != nil:
		o.written.Written(o.doc, o.err)
	case o.removed != nil:
		o.removed.Removed(o.n, o.err)
	default:
		o.batch.WrittenAll(o.docs, o.err)
	}
}

// wait waits until everything queued so far has been answered.
func (t *turns) wait() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for until := t.made; t.called < until; {
		t.changed.Wait()
	}
}

package mongo

import (
	"context"
	"sync"

	"github.com/happn-host/happn-host/datastore"
)

// entryOverhead is what an entry counts in the queue beside its path and data.
const entryOverhead = 128

// Bounds of a batch.
const (
	batchEntries = 2000
	batchBytes   = 8 << 20
)

// entry is one write or removal on its way, and then its answer.
type entry struct {
	seq     uint64
	write   datastore.Write   // owned; for a removal only Path
	written datastore.Written // nil for a removal
	removed datastore.Removed
	ctx     context.Context  // of a removal: carried out only until it ends
	query   *datastore.Query // of a removal: what goes

	doc *datastore.Document
	n   int
	err error
	// decided says that the answer is known and nothing is to be done.
	decided bool
}

// wide reports whether the entry concerns more than one path.
func (e *entry) wide() bool { return e.query != nil && !exact(e.query.Pattern) }

func (e *entry) size() int64 {
	return int64(entryOverhead + len(e.write.Path) + len(e.write.Data))
}

// decide sets the answer.
func (e *entry) decide(doc *datastore.Document, err error) {
	e.doc, e.err, e.decided = doc, err, true
}

// answer calls back.
func (e *entry) answer() {
	switch {
	case e.removed != nil:
		e.removed.Removed(e.n, e.err)
	case e.err != nil:
		e.written.Written(nil, e.err)
	default:
		e.written.Written(e.doc, nil)
	}
}

// queue keeps entries in the order in which they came, and has them carried out
// and answered in that order, a batch at a time, by one goroutine.
type queue struct {
	limit    int64
	carryOut func([]*entry)

	mu      sync.Mutex
	pending []*entry
	last    uint64            // seq of the last entry
	done    uint64            // seq up to which all are carried out
	wide    uint64            // seq of the last wide entry
	paths   map[string]uint64 // seq of the last entry at a path, if it is not done
	waiters []waiter
	used    int64         // size of the entries that are not done
	room    chan struct{} // closed when there is room again; nil if nobody waits
	closed  bool

	wake  chan struct{} // holds a token when there is something to do
	ended chan struct{} // closed when the goroutine has ended
}

// waiter is somebody who waits until an entry is done.
type waiter struct {
	seq  uint64
	done chan struct{}
}

// startQueue starts the goroutine, which ends with close.
func startQueue(limit int64, carryOut func([]*entry)) *queue {
	q := &queue{limit: limit, carryOut: carryOut, paths: make(map[string]uint64),
		wake: make(chan struct{}, 1), ended: make(chan struct{})}
	go q.run()
	return q
}

// admit waits until the queue has room. After close there is room for nobody,
// and nothing to wait for.
func (q *queue) admit(ctx context.Context) error {
	for {
		q.mu.Lock()
		if q.closed || q.used < q.limit {
			q.mu.Unlock()
			return ctx.Err()
		}
		if q.room == nil {
			q.room = make(chan struct{})
		}
		room := q.room
		q.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// add queues an entry. After close it answers ErrClosed, when everything before
// has been answered.
func (q *queue) add(e *entry) {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		<-q.ended
		e.decide(nil, datastore.ErrClosed)
		e.answer()
		return
	}
	q.last++
	e.seq = q.last
	if e.wide() {
		q.wide = e.seq
	} else if !e.decided {
		q.paths[string(e.write.Path)] = e.seq
	}
	q.pending = append(q.pending, e)
	q.used += e.size()
	q.mu.Unlock()
	q.nudge()
}

func (q *queue) nudge() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// run is the goroutine.
func (q *queue) run() {
	defer close(q.ended)
	for {
		batch, closed := q.take()
		switch {
		case len(batch) > 0:
			q.carryOut(batch)
			q.finish(batch)
			for _, e := range batch {
				e.answer()
			}
		case closed:
			return
		default:
			<-q.wake
		}
	}
}

// take removes the next batch from the queue: a wide entry by itself, or what
// stands before it.
func (q *queue) take() (batch []*entry, closed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, bytes := 0, int64(0)
	for n < len(q.pending) && n < batchEntries && bytes < batchBytes {
		e := q.pending[n]
		if e.wide() && n > 0 {
			break
		}
		bytes += e.size()
		n++
		if e.wide() {
			break
		}
	}
	batch = q.pending[:n:n]
	if q.pending = q.pending[n:]; len(q.pending) == 0 {
		q.pending = nil
	}
	return batch, q.closed
}

// finish tells those who wait that the batch is carried out.
func (q *queue) finish(batch []*entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.done = batch[len(batch)-1].seq
	for _, e := range batch {
		q.used -= e.size()
		if path := string(e.write.Path); q.paths[path] == e.seq {
			delete(q.paths, path)
		}
	}
	if q.room != nil && q.used < q.limit {
		close(q.room)
		q.room = nil
	}
	kept := q.waiters[:0]
	for _, w := range q.waiters {
		if w.seq <= q.done {
			close(w.done)
		} else {
			kept = append(kept, w)
		}
	}
	clear(q.waiters[len(kept):])
	q.waiters = kept
}

// settlePath waits until everything queued at the path is carried out.
func (q *queue) settlePath(ctx context.Context, path string) error {
	q.mu.Lock()
	return q.settle(ctx, max(q.paths[path], q.wide))
}

// settleAll waits until everything queued is carried out.
func (q *queue) settleAll(ctx context.Context) error {
	q.mu.Lock()
	return q.settle(ctx, q.last)
}

// settle waits for an entry. It unlocks mu.
func (q *queue) settle(ctx context.Context, seq uint64) error {
	if seq <= q.done {
		q.mu.Unlock()
		return ctx.Err()
	}
	w := waiter{seq, make(chan struct{})}
	q.waiters = append(q.waiters, w)
	q.mu.Unlock()
	select {
	case <-w.done:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// close takes nothing more and waits until everything is answered.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	if q.room != nil {
		close(q.room)
		q.room = nil
	}
	q.mu.Unlock()
	q.nudge()
	<-q.ended
}

func (q *queue) isClosed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}

func (q *queue) size() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.used
}

package memory

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/happn-host/happn-host/datastore"
)

// errStopped says that the journal takes nothing more; the store knows why.
var errStopped = errors.New("the journal has stopped")

// recordOverhead is what a record counts in the queue beside its document.
const recordOverhead = 128

// record is one change on its way to the disk, one answer, or both.
type record struct {
	doc     *datastore.Document   // what to store or, if gone, to remove; nil is nothing
	batch   []*datastore.Document // what to store together
	gone    bool
	written datastore.Written    // whom to answer; nil is nobody
	removed datastore.Removed    // likewise, with n
	all     datastore.WrittenAll // likewise, with batch
	n       int
	err     error // the answer if the commit succeeds
}

// size is what the record counts in the queue.
func (r *record) size() int64 {
	size := int64(recordOverhead * max(1, len(r.batch)))
	if r.doc != nil {
		size += int64(len(r.doc.Path) + len(r.doc.Data))
	}
	for _, doc := range r.batch {
		size += int64(len(doc.Path) + len(doc.Data))
	}
	return size
}

// call answers.
func (r *record) call() {
	switch {
	case r.written != nil && r.err != nil:
		r.written.Written(nil, r.err)
	case r.written != nil:
		r.written.Written(r.doc, nil)
	case r.removed != nil:
		r.removed.Removed(r.n, r.err)
	case r.all != nil && r.err != nil:
		r.all.WrittenAll(nil, r.err)
	case r.all != nil:
		r.all.WrittenAll(r.batch, nil)
	}
}

// journal queues records and commits them, all that wait at a time, from one
// goroutine.
type journal struct {
	disk     *disk
	logger   *slog.Logger
	fail     func(error) error // stops the store, returns what to answer
	limit    int64             // of used
	interval time.Duration     // between syncs; 0 is with each commit

	used atomic.Int64 // size of the records that are not committed yet

	mu      sync.Mutex
	pending []record
	closed  bool
	room    chan struct{} // closed when there is room again; nil if nobody waits

	wake chan struct{} // holds one token when there is something to do
	done chan struct{} // closed when the goroutine has ended

	synced   time.Time // of the last sync, the goroutine's own
	unsynced bool      // whether there were commits since
	closeErr error     // valid after done
}

// startJournal starts the goroutine, which ends with close or a failed commit.
func startJournal(d *disk, o Options, fail func(error) error) *journal {
	j := &journal{
		disk: d, logger: o.Logger, fail: fail, limit: int64(o.QueueBytes),
		wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	if o.Durability == DurabilityAsync {
		j.interval = o.SyncInterval
	}
	go j.run()
	return j
}

// admit waits until the queue has room.
func (j *journal) admit(ctx context.Context) error {
	for j.used.Load() >= j.limit {
		j.mu.Lock()
		if j.closed {
			j.mu.Unlock()
			return errStopped
		}
		if j.used.Load() < j.limit {
			j.mu.Unlock()
			return nil
		}
		if j.room == nil {
			j.room = make(chan struct{})
		}
		room := j.room
		j.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// enqueue adds a record and reports whether the journal took it.
func (j *journal) enqueue(r record) bool {
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return false
	}
	first := len(j.pending) == 0
	j.pending = append(j.pending, r)
	j.used.Add(r.size())
	j.mu.Unlock()
	if first {
		j.nudge()
	}
	return true
}

func (j *journal) nudge() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// release takes committed records off the count and lets writers in.
func (j *journal) release(size int64) {
	j.used.Add(-size)
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.room != nil && (j.closed || j.used.Load() < j.limit) {
		close(j.room)
		j.room = nil
	}
}

// stop takes nothing more and returns what was pending.
func (j *journal) stop() []record {
	j.mu.Lock()
	pending := j.pending
	j.pending, j.closed = nil, true
	j.mu.Unlock()
	j.release(0)
	return pending
}

// close commits what is pending, ends the goroutine and closes the disk.
func (j *journal) close() error {
	j.mu.Lock()
	j.closed = true
	j.mu.Unlock()
	j.release(0)
	j.nudge()
	<-j.done
	return j.closeErr
}

// run commits until the journal is closed or the disk refuses.
func (j *journal) run() {
	defer close(j.done)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	j.synced = time.Now()
	var spare []record
	for {
		batch, more := j.take(spare)
		if err := j.commit(batch); err != nil {
			return
		}
		clear(batch) // keeps no documents alive
		spare = batch[:0]
		if cap(spare) > maxSpareRecords {
			spare = nil
		}
		if len(batch) > 0 {
			continue
		}
		if !more {
			j.closeErr = j.disk.close()
			return
		}
		if j.unsynced {
			timer.Reset(j.interval - time.Since(j.synced))
		}
		select {
		case <-j.wake:
		case <-timer.C:
		}
	}
}

// maxSpareRecords bounds the slice that is kept for the next batch.
const maxSpareRecords = 1 << 14

// take returns what is pending, leaving spare in its place, and whether more
// may come.
func (j *journal) take(spare []record) (batch []record, more bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	batch, j.pending = j.pending, spare
	return batch, !j.closed
}

// commit makes the records durable and answers them, as many batches as it
// takes. On an error the store has been stopped and everybody answered.
func (j *journal) commit(records []record) error {
	for {
		sync := j.interval == 0 || time.Since(j.synced) >= j.interval
		if len(records) == 0 && !(j.unsynced && sync) {
			return nil
		}
		n, size, err := j.disk.write(records, sync)
		if err != nil {
			j.abort(err, records)
			return err
		}
		if j.unsynced = !sync; sync && j.interval > 0 {
			j.synced = time.Now()
		}
		j.release(size)
		for i := range records[:n] {
			records[i].call()
		}
		records = records[n:]
	}
}

// abort stops the store and tells everybody who waits.
func (j *journal) abort(cause error, records []record) {
	err := j.fail(cause)
	j.logger.Error("data store stopped", "error", err)
	for _, waiting := range [][]record{records, j.stop()} {
		for i := range waiting {
			waiting[i].err, waiting[i].n = err, 0
			waiting[i].call()
		}
	}
	j.closeErr = errors.Join(err, j.disk.abandon())
}

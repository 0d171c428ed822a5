package memory

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/happn-host/happn-host/datastore"
)

// maxBatchBytes is where one batch ends and the next begins, well under the
// half memtable from which pebble treats a batch as a table of its own.
const maxBatchBytes = 1 << 20

// disk is the folder. Pebble stops the process when it meets an error that it
// cannot handle; here it stops the disk instead: every call into pebble runs on
// one goroutine, and when pebble gives up, on that goroutine or on one of its
// own, the caller gets the cause while pebble's goroutine stays where it is,
// so that nothing is written any more. The folder's lock is kept until the
// process ends.
type disk struct {
	dir    string
	fs     vfs.FS
	logger *slog.Logger
	lock   *pebble.Lock
	db     *pebble.DB
	batch  *pebble.Batch
	head   []byte // of the value that add is writing
	log    logTail

	users  sync.RWMutex // held by long calls beside the commits, see use
	closed bool         // guarded by users

	turn    sync.Mutex // makes calls one at a time, from asking to the result
	calls   chan func() error
	results chan error

	dead  chan struct{} // closed when pebble has given up
	once  sync.Once
	cause error // valid after dead

	background atomic.Pointer[error] // what the last flush or compaction met
}

// do runs a call into pebble, or returns why pebble gave up.
func (d *disk) do(call func() error) error {
	d.turn.Lock()
	defer d.turn.Unlock()
	select {
	case d.calls <- call:
	case <-d.dead:
		return d.cause
	}
	select {
	case err := <-d.results:
		return err
	case <-d.dead:
		return d.cause
	}
}

// serve runs the calls until the channel is closed.
func (d *disk) serve() {
	defer func() {
		if p := recover(); p != nil {
			cause, _ := p.(error)
			d.die(&fatal{text: fmt.Sprintf("pebble: %v", p), cause: cause})
		}
	}()
	for call := range d.calls {
		d.results <- call()
	}
}

// die records why pebble gave up.
func (d *disk) die(cause error) {
	d.once.Do(func() {
		d.cause = cause
		close(d.dead)
	})
}

// write commits records from the first on, as many as one batch holds, and
// returns how many those were and what they count in the queue.
func (d *disk) write(records []record, sync bool) (n int, size int64, err error) {
	for n < len(records) && (n == 0 || d.batch.Len() < maxBatchBytes) {
		r := &records[n]
		n++
		size += r.size()
		if r.doc != nil {
			d.add(r.doc, r.gone)
		}
		for _, doc := range r.batch {
			d.add(doc, false)
		}
	}
	if d.batch.Empty() && len(records) > 0 {
		return n, size, nil // answers only
	}
	err = d.do(func() error { return d.apply(sync) })
	return n, size, err
}

// add puts a change into the batch.
func (d *disk) add(doc *datastore.Document, gone bool) {
	if gone {
		op := d.batch.DeleteDeferred(1 + len(doc.Path))
		op.Key[0] = documentKey
		copy(op.Key[1:], doc.Path)
		_ = op.Finish() // fails only for indexed batches
		return
	}
	d.head = appendHead(d.head[:0], doc)
	op := d.batch.SetDeferred(1+len(doc.Path), len(d.head)+len(doc.Data))
	op.Key[0] = documentKey
	copy(op.Key[1:], doc.Path)
	copy(op.Value[copy(op.Value, d.head):], doc.Data)
	_ = op.Finish()
}

// apply commits the batch and empties it. An empty batch only syncs.
func (d *disk) apply(sync bool) error {
	if d.batch.Empty() {
		return d.db.LogData(nil, pebble.Sync)
	}
	options := pebble.NoSync
	if sync {
		options = pebble.Sync
	}
	if err := d.db.Apply(d.batch, options); err != nil {
		return err
	}
	d.batch.Reset()
	return nil
}

// trouble reports what keeps pebble from writing, or from moving data out of
// the log, or nil.
func (d *disk) trouble() error {
	select {
	case <-d.dead:
		return fmt.Errorf("%w (%w)", ErrFailed, d.cause)
	default:
	}
	if err := d.background.Load(); err != nil {
		return fmt.Errorf("the data folder %s cannot take more, writes will wait; free space or repair the disk: %w", d.dir, *err)
	}
	return nil
}

// size returns the size of the folder's files in bytes.
func (d *disk) size() int64 {
	names, err := d.fs.List(d.dir)
	if err != nil {
		return 0
	}
	var total int64
	for _, name := range names {
		if info, err := d.fs.Stat(d.fs.PathJoin(d.dir, name)); err == nil && !info.IsDir() {
			total += info.Size()
		}
	}
	return total
}

// close marks the folder as closed cleanly and closes it.
func (d *disk) close() error {
	err := d.do(func() error { return d.db.Set(cleanHeader, nil, pebble.Sync) })
	return errors.Join(err, d.abandon())
}

// abandon closes the folder without the mark, if pebble still lets it.
func (d *disk) abandon() error {
	select {
	case <-d.dead: // a call may be stuck for good
	default:
		d.users.Lock()
		d.closed = true
		d.users.Unlock()
	}
	err := d.do(func() error {
		return errors.Join(d.batch.Close(), d.db.Close(), d.lock.Close())
	})
	select {
	case <-d.dead:
	default:
		close(d.calls)
	}
	if err != nil {
		return fmt.Errorf("closing the data folder %s: %w", d.dir, err)
	}
	return nil
}

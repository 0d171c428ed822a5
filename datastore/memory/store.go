package memory

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/happn-host/happn-host/datastore"
)

var _ datastore.Store = (*Store)(nil)

// ErrFailed is the answer of a store whose disk refused a commit. It is wrapped
// with the cause.
var ErrFailed = errors.New("the data store stopped because it could not write to its folder; " +
	"free space or repair the disk, then start again: what was committed is safe")

// Store is the embedded store. Open makes one.
type Store struct {
	index    *index
	journal  *journal // nil with DurabilityNone
	sync     bool     // answers wait for the disk
	recovery Recovery
	archives archives
	opened   int64 // size of the folder's files then, in bytes

	stopped   atomic.Pointer[error] // why requests are refused; nil while they are served
	closeOnce sync.Once
	closeErr  error
}

// Open opens the store and reads all documents into memory. It fails, naming
// the folder, when another process uses it, when it was written by a newer
// version of this program, or when it is damaged beyond the unfinished last
// write that a crash leaves.
func Open(o Options) (*Store, error) {
	o, err := o.ensureDefaults()
	if err != nil {
		return nil, fmt.Errorf("opening the embedded data store: %w", err)
	}
	x, err := newIndex(o.Indexes)
	if err != nil {
		return nil, fmt.Errorf("opening the embedded data store: %w", err)
	}
	x.columns.off, x.columns.eager = o.ColumnBytes < 0, o.eagerColumns
	x.slots.limit = max(0, o.ColumnBytes)
	s := &Store{index: x, sync: o.Durability == DurabilitySync}
	if o.Durability == DurabilityNone {
		return s, nil
	}
	d, err := openDisk(o)
	if err != nil {
		return nil, fmt.Errorf("opening the data folder %s: %w", o.Dir, err)
	}
	if s.recovery, err = d.load(s.index, &s.archives); err != nil {
		return nil, fmt.Errorf("reading the data folder %s: %w", o.Dir, errors.Join(err, d.abandon()))
	}
	s.opened = d.size()
	s.journal = startJournal(d, o, s.fail)
	return s, nil
}

// Recovery returns what Open found in the folder.
func (s *Store) Recovery() Recovery { return s.recovery }

// Get implements datastore.Store. It does not allocate.
func (s *Store) Get(_ context.Context, path []byte) (*datastore.Document, error) {
	if err := s.live(); err != nil {
		return nil, err
	}
	return s.index.get(path), nil
}

// Check implements datastore.Store: it reports why requests are refused, or
// that the disk is in trouble and writes are about to wait for it.
func (s *Store) Check(context.Context) error {
	if err := s.live(); err != nil {
		return err
	}
	if s.journal != nil {
		return s.journal.disk.trouble()
	}
	return nil
}

// Close implements datastore.Store. It waits until everything accepted has been
// committed and called back, so it must not be called from a callback. Later
// calls return what the first one did.
func (s *Store) Close() error {
	s.closeOnce.Do(func() {
		closed := datastore.ErrClosed
		before := s.stopped.Swap(&closed)
		if s.journal == nil {
			return
		}
		s.closeErr = s.journal.close()
		if before != nil {
			s.closeErr = *before
		}
	})
	return s.closeErr
}

// Stats says how much a store holds.
type Stats struct {
	Documents   int64 // stored documents
	Bytes       int64 // their paths, data and user names, without overhead
	QueuedBytes int64 // waiting to be committed, see Options.QueueBytes
	DiskBytes   int64 // size of the folder's files; 0 with DurabilityNone
	GrownBytes  int64 // of them, since the store was opened; negative if they shrank
	Archives    int64 // archives
	Archived    int64 // documents in them, which are not among Documents
	Indexes     []IndexStats
	Columns     []ColumnStats
}

// IndexStats says how large a secondary index is.
type IndexStats struct {
	Name  string
	Keys  int64
	Bytes int64 // of the keys, each with the path of its document, without overhead
}

// ColumnStats says how large a column is.
type ColumnStats struct {
	Field string
	Bytes int64
}

// Stats counts. It looks at the folder, so it is not for every request.
func (s *Store) Stats() Stats {
	st := Stats{Documents: s.index.documents.Load(), Bytes: s.index.bytes.Load()}
	if s.journal != nil {
		st.QueuedBytes = s.journal.used.Load()
		st.DiskBytes = s.journal.disk.size()
		st.GrownBytes = st.DiskBytes - s.opened
	}
	for _, a := range s.archives.list() {
		st.Archives++
		st.Archived += a.Documents
	}
	for _, ix := range s.index.secondaries {
		ix.mu.RLock()
		st.Indexes = append(st.Indexes, IndexStats{Name: ix.name, Keys: int64(ix.tree.Len()), Bytes: ix.bytes.Load()})
		ix.mu.RUnlock()
	}
	for _, c := range *s.index.slots.columns.Load() {
		st.Columns = append(st.Columns, ColumnStats{Field: c.name, Bytes: int64(c.bytes())})
	}
	return st
}

// live reports why requests are refused, or nil.
func (s *Store) live() error {
	if err := s.stopped.Load(); err != nil {
		return *err
	}
	return nil
}

// fail refuses all further requests.
func (s *Store) fail(cause error) error {
	err := fmt.Errorf("%w (%w)", ErrFailed, cause)
	s.stopped.CompareAndSwap(nil, &err)
	return err
}

// refusal returns why requests are refused, after everything that was accepted
// before has been called back, so that answers keep their order.
func (s *Store) refusal() error {
	if s.journal != nil {
		<-s.journal.done
	}
	return s.live()
}

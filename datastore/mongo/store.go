package mongo

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/mongo/codec"
)

var _ datastore.Store = (*Store)(nil)

// ErrAway is the answer while no server can be reached. Where and why is in the
// log and in datastore.Detail.
var ErrAway = errors.New("the MongoDB server cannot be reached; requests work again when it is back")

// Store is a collection of MongoDB. Open makes one.
type Store struct {
	options    Options
	watch      *watch
	client     *mongo.Client
	collection *mongo.Collection
	queue      *queue
	pool       int           // operations of one batch on their way at a time
	timeout    time.Duration // of one operation
	unshown    seldom        // failures that only the log tells of
	refusals   refusals      // what the host does because the server does not
	uncollated atomic.Bool   // the server has no collations
	sendsAll   atomic.Bool   // the server cannot leave out a part of what it has changed

	external *external // nil unless others are watched

	jobs    sync.WaitGroup  // what goes on in the background
	working context.Context // ends when the store closes
	endJobs context.CancelFunc

	closeOnce sync.Once
	closeErr  error
}

// Get implements datastore.Store.
func (s *Store) Get(ctx context.Context, path []byte) (*datastore.Document, error) {
	if err := s.settle(ctx, path); err != nil {
		return nil, err
	}
	raw, err := s.collection.FindOne(ctx, bson.D{{Key: codec.Path, Value: string(path)}}).Raw()
	if errors.Is(err, mongo.ErrNoDocuments) {
		return nil, nil
	}
	if err != nil {
		return nil, s.failure(err)
	}
	return codec.Decode(raw)
}

// settle waits until a read by the pattern sees what was written before it.
func (s *Store) settle(ctx context.Context, pattern []byte) error {
	if s.queue.isClosed() {
		return datastore.ErrClosed
	}
	if err := s.available(pattern); err != nil {
		return err
	}
	if exact(pattern) {
		return s.queue.settlePath(ctx, string(pattern))
	}
	return s.queue.settleAll(ctx)
}

// Check implements datastore.Store.
func (s *Store) Check(ctx context.Context) error {
	if s.queue.isClosed() {
		return datastore.ErrClosed
	}
	if err := s.watch.absent(); err != nil {
		return err
	}
	return s.failure(s.ping(ctx))
}

// disconnectWait bounds how long Close waits for connections that are in use.
const disconnectWait = 5 * time.Second

// Close implements datastore.Store. It waits until everything accepted has been
// carried out, or refused by the server, and answered, so it must not be called
// from a callback. Later calls return what the first one did.
func (s *Store) Close() error {
	s.closeOnce.Do(func() {
		s.endJobs()
		s.queue.close()
		s.jobs.Wait()
		s.watch.end()
		ctx, cancel := context.WithTimeout(context.Background(), disconnectWait)
		defer cancel()
		s.closeErr = s.client.Disconnect(ctx)
	})
	return s.closeErr
}

// Stats says how much a store holds.
type Stats struct {
	Documents   int64 // by the server's own estimate
	QueuedBytes int64 // waiting to be written, see Options.QueueBytes
}

// Stats asks the server.
func (s *Store) Stats(ctx context.Context) (Stats, error) {
	n, err := s.collection.EstimatedDocumentCount(ctx)
	return Stats{Documents: n, QueuedBytes: s.queue.size()}, s.failure(err)
}

package mongo

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"
)

// ErrUncertain is the answer to a write whose connection broke, or whose time
// was up, before the server answered. It is wrapped with which of them it was.
var ErrUncertain = errors.New("the write may have been made nevertheless; read the document to know")

// How often a write is sent again after the connection broke. The driver does so
// by itself, and so that the server knows it again, but only with a replica set.
const (
	never   = 0 // what the server would do twice, or count otherwise
	resends = 3 // what is the same when it is done twice, or is known again
)

// send calls do, and up to again times more while the connection breaks, all
// within the time of one operation. What the server says is returned as it is;
// without an answer the error is ErrAway if nothing can have reached the server,
// and ErrUncertain otherwise.
func (s *Store) send(ctx context.Context, again int, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	for try := 0; ; try++ {
		err := do(ctx)
		switch {
		case err == nil || !unanswered(err):
			return err
		case try < again && mongo.IsNetworkError(err) && ctx.Err() == nil:
		case try == 0 && unsent(err):
			return s.failure(err)
		default:
			return fmt.Errorf("%w: %w", ErrUncertain, s.failure(err))
		}
	}
}

// unanswered reports whether an error is not the server's.
func unanswered(err error) bool {
	return mongo.IsNetworkError(err) || mongo.IsTimeout(err) || unsent(err)
}

// unsent reports whether nothing was sent.
func unsent(err error) bool {
	return notSelected(err) || errors.As(err, new(topology.WaitQueueTimeoutError))
}

// notSelected reports whether there was no server to send to.
func notSelected(err error) bool { return errors.As(err, new(topology.ServerSelectionError)) }

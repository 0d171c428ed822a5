package password

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// ErrBusy is the answer when too many passwords wait to be hashed.
var ErrBusy = errors.New("too many logins at a time; try again in a few seconds")

// Gate bounds how many passwords are hashed at the same time, and how many
// wait. Hashing is slow on purpose: without a bound a storm of logins takes
// every core away from the sessions that are there already.
type Gate struct {
	slots   chan struct{}
	waiting atomic.Int64
	queue   int64
	timeout time.Duration
}

// NewGate returns a gate that lets workers hash at the same time, and queue
// callers wait for at most timeout.
func NewGate(workers, queue int, timeout time.Duration) *Gate {
	return &Gate{slots: make(chan struct{}, workers), queue: int64(queue), timeout: timeout}
}

// Do runs work on the caller's goroutine when it is its turn. It returns
// ErrBusy, or the error of the context, if that does not come to pass.
func (g *Gate) Do(ctx context.Context, work func()) error {
	if err := g.enter(ctx); err != nil {
		return err
	}
	defer func() { <-g.slots }()
	work()
	return nil
}

func (g *Gate) enter(ctx context.Context) error {
	select {
	case g.slots <- struct{}{}:
		return nil
	default:
	}
	defer g.waiting.Add(-1)
	if g.waiting.Add(1) > g.queue {
		return fmt.Errorf("%d wait already: %w", g.queue, ErrBusy)
	}
	patience := time.NewTimer(g.timeout)
	defer patience.Stop()
	select {
	case g.slots <- struct{}{}:
		return nil
	case <-patience.C:
		return fmt.Errorf("no turn within %v: %w", g.timeout, ErrBusy)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Waiting is how many callers wait for their turn.
func (g *Gate) Waiting() int { return int(g.waiting.Load()) }

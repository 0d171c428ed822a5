package mongo

import (
	"context"
	"errors"
	"sync"

	"go.mongodb.org/mongo-driver/v2/mongo"
)

// refusals remembers what the server does not do, so that it is asked no more.
type refusals struct {
	mu    sync.Mutex
	known map[string]struct{}
}

// mostRefusals bounds what is remembered.
const mostRefusals = 100

func (r *refusals) has(what string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, has := r.known[what]
	return has
}

// add reports whether it is news.
func (r *refusals) add(what string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, has := r.known[what]; has || len(r.known) == mostRefusals {
		return false
	}
	if r.known == nil {
		r.known = map[string]struct{}{}
	}
	r.known[what] = struct{}{}
	return true
}

// refused returns nil if the server answered that it does not do this, which the
// host then does; any other error is returned as the store's.
func (s *Store) refused(what string, err error) error {
	var command mongo.CommandError
	if !errors.As(err, &command) || unanswered(err) || aboutAccounts(err) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return s.failure(err)
	}
	s.leaveToHost(what, command.Message)
	return nil
}

// leaveToHost remembers, and tells in the log once, that the host does it.
func (s *Store) leaveToHost(what, cause string) {
	if s.refusals.add(what) {
		s.options.Logger.Info("the MongoDB server does not do this as the host needs it, so the host does it itself",
			"host", s.watch.host, "what", what, "cause", cause)
	}
}

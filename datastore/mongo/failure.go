package mongo

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"github.com/happn-host/happn-host/datastore"
)

// failure is an error of the driver, in a text for those who use the store: they
// are told what failed, and nothing of servers or accounts.
type failure struct {
	shown string
	kind  error  // what it is, for errors.Is; nil if it is nothing known
	host  string // the servers of the store
	cause error  // what the driver says; nil if it says nothing
}

var _ datastore.Detailer = (*failure)(nil)

// Error implements error.
func (f *failure) Error() string { return f.shown }

// Is implements what errors.Is looks for.
func (f *failure) Is(target error) bool { return f.kind != nil && errors.Is(f.kind, target) }

// Unwrap returns what the driver says.
func (f *failure) Unwrap() error { return f.cause }

// Detail implements datastore.Detailer.
func (f *failure) Detail() string {
	if f.cause == nil {
		return f.host
	}
	return fmt.Sprintf("%s: %v", f.host, f.cause)
}

// What is shown of failures that are not the server's answer.
const (
	tooLate      = "MongoDB did not answer in time; try again"
	broken       = "the connection to MongoDB broke; try again"
	givenUp      = "the request was given up"
	notPermitted = "MongoDB does not permit this to the account of the host, whose log says more"
	unexplained  = "MongoDB could not be asked; the log of the host says why"
)

// failure says what an error of the driver means to who asked. What is not shown
// to them is in the log, from time to time when there is much of it.
func (s *Store) failure(err error) error {
	known := new(failure)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, mongo.ErrClientDisconnected):
		return datastore.ErrClosed
	case errors.As(err, &known), errors.Is(err, ErrUncertain):
		return err
	case notSelected(err):
		return s.watch.unreachable(either0(s.watch.why(), err))
	case mongo.IsDuplicateKeyError(err):
		return &failure{fmt.Sprintf("%v: %s", datastore.ErrDuplicate, withoutAddresses(said(err))), datastore.ErrDuplicate, s.watch.host, err}
	case errors.Is(err, context.Canceled):
		return &failure{givenUp, nil, s.watch.host, err}
	}
	f := &failure{shown: unexplained, host: s.watch.host, cause: err}
	switch message := said(err); {
	case mongo.IsTimeout(err), errors.As(err, new(topology.WaitQueueTimeoutError)):
		f.shown = tooLate
	case mongo.IsNetworkError(err):
		f.shown = broken
	case aboutAccounts(err):
		f.shown = notPermitted
	case message != "":
		f.shown = "MongoDB refused it: " + withoutAddresses(message)
		return f
	}
	if s.unshown.due(time.Now()) {
		s.options.Logger.Warn("a request to the MongoDB server failed", "host", s.watch.host, "cause", err)
	}
	return f
}

// said returns what the server itself has said, "" if it was not the server.
func said(err error) string {
	var refused mongo.CommandError
	var writes mongo.WriteException
	var bulk mongo.BulkWriteException
	switch {
	case errors.As(err, &writes) && len(writes.WriteErrors) > 0:
		return writes.WriteErrors[0].Message
	case errors.As(err, &writes) && writes.WriteConcernError != nil:
		return writes.WriteConcernError.Message
	case errors.As(err, &bulk) && len(bulk.WriteErrors) > 0:
		return bulk.WriteErrors[0].Message
	case errors.As(err, &bulk) && bulk.WriteConcernError != nil:
		return bulk.WriteConcernError.Message
	case errors.As(err, &refused):
		return refused.Message
	}
	return ""
}

// aboutAccounts reports whether the server refuses who asks. It names them then.
func aboutAccounts(err error) bool {
	const userNotFound, unauthorized, authenticationFailed, mustAuthenticate, ofAtlas = 11, 13, 18, 391, 8000
	var refused mongo.ServerError
	if !errors.As(err, &refused) {
		return false
	}
	for _, code := range []int{userNotFound, unauthorized, authenticationFailed, mustAuthenticate, ofAtlas} {
		if refused.HasErrorCode(code) {
			return true
		}
	}
	return false
}

// address finds IP addresses, and names of hosts with a port of four or five
// digits, as servers mention other ones.
var address = regexp.MustCompile(`\[[0-9a-fA-F:.]+\](:\d+)?|\b\d{1,3}(\.\d{1,3}){3}(:\d+)?\b|\b[\w-]*[a-zA-Z][\w.-]*:\d{4,5}\b`)

// withoutAddresses takes addresses of servers out of a text of the server's.
func withoutAddresses(text string) string { return address.ReplaceAllString(text, "another server") }

// seldom lets something happen once in a while.
type seldom struct {
	mu   sync.Mutex
	next time.Time
}

// due reports whether the last time was long enough ago, which begins anew then.
func (s *seldom) due(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Before(s.next) {
		return false
	}
	s.next = now.Add(progress)
	return true
}

package pipeline

import (
	"errors"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/match"
	"github.com/happn-host/happn-host/host/protocol"
	"github.com/happn-host/happn-host/host/pubsub"
)

// What the failures of an agent's calls are, for errors.Is. What a client would
// have been told is found by errors.As with *protocol.Error; what a store or a
// context has failed with is wrapped, too.
var (
	ErrDenied    = errors.New("the agent has no right to do this")
	ErrRejected  = errors.New("a layer has refused this")
	ErrInvalid   = errors.New("this is not a valid request")
	ErrNotFound  = errors.New("there is no such document or subscription")
	ErrCondition = errors.New("what is stored does not allow this")
	ErrStore     = errors.New("the data store has failed")
	ErrLimit     = errors.New("the agent is over a limit")
	ErrClosed    = errors.New("the agent is closed")
)

// failure is an error of one of the kinds above.
type failure struct{ kind, cause error }

// Error tells the cause; the kind is for programs.
func (f *failure) Error() string { return f.cause.Error() }

// Unwrap returns both.
func (f *failure) Unwrap() []error { return []error{f.kind, f.cause} }

func invalid(message string) error { return &failure{ErrInvalid, protocol.NewError(message)} }

// refusedAs returns what a request was answered with as an agent's caller sees it.
func refusedAs(answer *protocol.Error) error {
	switch cause := answer.Cause; {
	case answer.Name == "AccessDenied", errors.Is(cause, errUnauthorized):
		return &failure{ErrDenied, answer}
	case errors.Is(cause, pubsub.ErrTooMany):
		return &failure{ErrLimit, answer}
	case cause == nil || errors.As(cause, new(*match.Error)):
		return &failure{ErrInvalid, answer}
	default:
		return storeFailure(cause)
	}
}

// storeFailure tells what a store refuses for what it holds from what it cannot do.
func storeFailure(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, datastore.ErrExists), errors.Is(err, datastore.ErrMissing),
		errors.Is(err, datastore.ErrDuplicate), errors.Is(err, datastore.ErrNotANumber):
		return &failure{ErrCondition, err}
	case errors.As(err, new(*SearchError)):
		return &failure{ErrRejected, searchFailure(err)}
	}
	return &failure{ErrStore, err}
}

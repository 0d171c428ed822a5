package plugin

import (
	"context"
	"errors"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/manifest"
	"github.com/happn-host/happn-host/host/plugin/metric"
)

// Services is what plugins reach of the host. The methods may be called from
// any goroutine once Manager.Start has been.
type Services interface {
	// Open returns what acts in the host as the plugin.
	Open(identity Identity) (Actor, error)
	// Session describes a session, as a JSON object with its id, protocol, address,
	// endpoint and, after a login, user {username, groups, ...} and nothing that
	// is secret. It is nil if there is no such session.
	Session(id string) []byte
	// Reads returns what tells which documents permissions let a plugin read.
	Reads(permissions map[string]manifest.Permission) (may func(path []byte) bool, err error)
}

// Identity is who acts, and what it may do.
type Identity struct {
	Plugin      string
	Permissions map[string]manifest.Permission
	// Deliver receives the publications that the actor subscribes to, on the
	// goroutine of the publisher; it does not wait. The record is borrowed. Nil
	// for an actor that does not subscribe.
	Deliver func(*abi.Record)
}

// Actor acts in the host under a plugin's permissions. One goroutine at a time
// calls its methods. Slices that are given are borrowed; those in records that
// are returned never change. ctx bounds a call in time and carries the chain of
// plugins that led to it, which the host hands on to the layers it calls.
//
// Errors are one of those below, wrapped with what the plugin's author wants
// to know, or faults of the host.
type Actor interface {
	// Get reads the document at a path: its path, data and meta. It reports false
	// if there is none.
	Get(ctx context.Context, path, options []byte, doc *abi.Record) (found bool, err error)
	// Find calls yield with the documents that a pattern and the options of a
	// client's get select, until it returns false.
	Find(ctx context.Context, path, options []byte, yield func(doc *abi.Record) bool) error
	// Count counts them.
	Count(ctx context.Context, path, options []byte) (int, error)
	// Set does what a client's set does. With wait it returns when the store has
	// taken the document for good; without, when it was handed to the store.
	Set(ctx context.Context, path, data, options []byte, wait bool) error
	// Publish does what a client's set with noStore does.
	Publish(ctx context.Context, path, data, options []byte) error
	// Remove does what a client's remove does, and returns how many documents it
	// removed; 0 without wait.
	Remove(ctx context.Context, path, options []byte, wait bool) (int, error)
	// On subscribes to a channel such as /ALL@/a/*.
	On(ctx context.Context, channel string, options []byte) error
	// Off ends every subscription to a channel.
	Off(ctx context.Context, channel string) error
	Close()
}

// Errors of Actor.
var (
	ErrDenied  = errors.New("no permission of the plugin covers it")
	ErrInvalid = errors.New("not valid")
	ErrRefused = errors.New("refused")
	ErrLimit   = errors.New("over a limit")
)

// Errno returns the number for an error of Services.
func Errno(err error) abi.Errno {
	var number abi.Errno
	switch {
	case errors.As(err, &number):
		return number
	case errors.Is(err, ErrDenied):
		return abi.ErrnoDenied
	case errors.Is(err, ErrInvalid), errors.Is(err, metric.ErrInvalid):
		return abi.ErrnoInvalid
	case errors.Is(err, ErrRefused):
		return abi.ErrnoRefused
	case errors.Is(err, ErrLimit):
		return abi.ErrnoLimit
	}
	return abi.ErrnoInternal
}

package sdk

import (
	"iter"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/plugins/sdk/internal/hostcall"
)

// Errors of what a plugin does in the host, for errors.Is. The text of an error
// says more.
var (
	ErrNotFound    error = abi.ErrnoNotFound    // there is no such thing
	ErrDenied      error = abi.ErrnoDenied      // no permission or grant of the plugin covers it
	ErrInvalid     error = abi.ErrnoInvalid     // path, data or options make no sense
	ErrRefused     error = abi.ErrnoRefused     // another plugin, or a condition, refused it
	ErrLimit       error = abi.ErrnoLimit       // limits.hostCalls, or another limit
	ErrUnsupported error = abi.ErrnoUnsupported // this host has no such thing
)

// Document is a stored document.
type Document struct {
	Path string
	Data []byte // JSON
	Meta []byte // JSON object: created, modified, modifiedBy, path
}

// Query selects documents: the options of a client's get, as a JSON object.
// Empty selects all that the path matches.
type Query []byte

// Write says how documents are written. The zero value does what a client's set
// without options does.
type Write struct {
	// Options are those of a client's set or remove, as a JSON object:
	// {"merge":true}, {"noPublish":true} and so on.
	Options []byte
	// NoWait returns as soon as the store was asked, so that what it refuses is
	// not heard of. Otherwise writing returns when the document is as durable as
	// the store makes it; the time counts against the hook's limit.
	NoWait bool
}

func (w Write) record(path string, data []byte) *abi.Record {
	r := &abi.Record{Kind: abi.KindRequest, Action: abi.ActionSet, Path: []byte(path), Data: data, Options: w.Options}
	if w.NoWait {
		r.Flags |= abi.FlagNoWait
	}
	return r
}

// Get returns the document at a path, or ErrNotFound. The plugin needs the
// permission `get` on the path.
func Get(path string) (Document, error) {
	var doc abi.Record
	err := hostcall.Here().Get(&abi.Record{Kind: abi.KindRequest, Action: abi.ActionGet, Path: []byte(path)}, &doc)
	if err != nil {
		return Document{}, err
	}
	return document(&doc), nil
}

func document(r *abi.Record) Document {
	return Document{Path: string(r.Path), Data: r.Data, Meta: r.Meta}
}

// Find returns the documents that a path, with * for any text, and a query
// select. What it yields is valid until the next one. The plugin needs the
// permission `get` on the path.
func Find(path string, q Query) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		r := &abi.Record{Kind: abi.KindRequest, Action: abi.ActionGet, Path: []byte(path), Options: q}
		more := true
		err := hostcall.Here().Find(r, func(doc *abi.Record) bool {
			more = yield(document(doc), nil)
			return more
		})
		if err != nil && more {
			yield(Document{}, err)
		}
	}
}

// Count returns how many documents Find would yield.
func Count(path string, q Query) (int, error) {
	return hostcall.Here().Count(&abi.Record{Kind: abi.KindRequest, Action: abi.ActionCount, Path: []byte(path), Options: q})
}

// Set stores JSON at a path and publishes it. The plugin needs the permission
// `set` on the path; other plugins' layers see the request.
func Set(path string, data []byte, how Write) error {
	return hostcall.Here().Set(how.record(path, data))
}

// Publish publishes JSON on a path without storing it. The plugin needs the
// grant `publish`, and the permission `set` on the path.
func Publish(path string, data []byte) error {
	return hostcall.Here().Publish(Write{}.record(path, data))
}

// Remove removes the documents that a path, with * for any text, matches, and
// returns how many there were; 0 with NoWait. The plugin needs the permission
// `remove` on the path.
func Remove(path string, how Write) (int, error) {
	r := how.record(path, nil)
	r.Action = abi.ActionRemove
	return hostcall.Here().Remove(r)
}

// Call asks a service of another plugin, with JSON, and returns its answer, JSON
// or nothing. The operator's files of both plugins must allow it.
func Call(service string, data []byte) ([]byte, error) {
	return hostcall.Here().Call(&abi.Record{Kind: abi.KindCall, Path: []byte(service), Data: data})
}

// Session describes a session by its id, as a JSON object: who it is, its groups,
// where it came from. The plugin needs the grant `sessions`.
func Session(id []byte) ([]byte, error) { return hostcall.Here().Session(id) }

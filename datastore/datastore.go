package datastore

import (
	"context"
	"errors"
)

// Document is one stored document. A store never changes a document that it
// has handed out: a write makes a new one. Readers must not change it either.
type Document struct {
	Path       string
	Data       []byte // raw JSON, always an object without a top-level "_meta"
	Created    int64  // Unix time in ms, kept by overwrites
	Modified   int64  // Unix time in ms of the last write
	ModifiedBy string // name of the last writer, "" if there was no user
	Tag        string // what a snapshot of another document is called, "" for all others
}

// Op is the kind of a write.
type Op uint8

// The kinds of write.
const (
	// Put stores Data as the whole document.
	Put Op = iota + 1
	// Merge replaces or adds the top-level members of Data in the stored
	// document; without one it is a Put.
	Merge
	// Increment adds By to the number in <Gauge>.value, starting from 0.
	Increment
)

// Condition says what must be at the path for a write to be carried out.
type Condition uint8

// The conditions. The reference's upsertType numbers them 0, 2 and 1.
const (
	// Always is without condition.
	Always Condition = iota
	// IfAbsent is for inserts: a document at the path is ErrExists.
	IfAbsent
	// IfPresent is for updates: no document at the path is ErrMissing.
	IfPresent
)

// Write is one change to one document. The slices are borrowed: a store copies
// what it keeps before Write returns.
type Write struct {
	Op    Op
	Path  []byte
	Data  []byte  // Put, Merge: raw JSON object, already validated
	Gauge string  // Increment: name of the member to count in
	By    float64 // Increment: what to add; finite
	Now   int64   // Unix time in ms
	User  string  // becomes ModifiedBy
	When  Condition
	Tag   string // becomes the document's Tag; "" leaves the one it has
}

// Written is called once for each write, with the document as it is after the
// write and as durable as the store is configured to make it, or with an error
// and nothing changed. It may be called before Store.Write returns, on that
// goroutine, or later from a goroutine of the store; writes of one goroutine
// are answered in the order in which they were made. It must not block, nor
// write to the store: the store may be waiting for it.
type Written interface {
	Written(doc *Document, err error)
}

// Removed is Written for removals: n is the number of documents removed.
type Removed interface {
	Removed(n int, err error)
}

// Filter is a compiled criterion.
type Filter interface {
	// Match reports whether the document satisfies the criterion.
	Match(doc *Document) bool
	// Source is the criterion as raw JSON, with field names translated, for
	// stores that evaluate it themselves.
	Source() []byte
}

// Order is a compiled sort.
type Order interface {
	// Compare returns a negative number, zero or a positive number as a
	// sorts before, with or after b.
	Compare(a, b *Document) int
	// Source is the sort as raw JSON, with field names translated.
	Source() []byte
}

// Query selects documents. Every field but Pattern is optional.
type Query struct {
	// Pattern is a path in which each run of '*' stands for any text, also
	// for '/'. Without one it names exactly one path. It is borrowed.
	Pattern []byte
	Filter  Filter
	// Order is the order of the results; nil is by path, ascending, by bytes.
	// Documents that compare equal come in path order.
	Order Order
	Skip  int // applied after Order; negative is 0
	Limit int // applied after Skip; 0 is no limit; negative drops that many from the end

	// Members, unless nil, are the top-level members of the data that the caller
	// looks at. A store may leave the others out of what Find yields; what Filter
	// and Order look at is its own concern (see Selective).
	Members []string
}

// Store keeps documents. All methods may be called from any goroutine until
// Close is called. A write is visible to reads as soon as Write returns, also
// before it is durable.
type Store interface {
	// Get returns the document at exactly this path, or nil if there is none.
	Get(ctx context.Context, path []byte) (*Document, error)

	// Find calls yield for each selected document, in order, until yield
	// returns false. A long walk does not keep writers waiting; it may see
	// writes made meanwhile, but each document at most once.
	Find(ctx context.Context, q *Query, yield func(*Document) bool) error

	// Count returns the number of documents that Find would yield.
	Count(ctx context.Context, q *Query) (int, error)

	// Write carries out w and calls done (see Written). done must not be nil.
	Write(ctx context.Context, w *Write, done Written)

	// Remove removes the selected documents (Order, Skip and Limit are
	// ignored) and calls done.
	Remove(ctx context.Context, q *Query, done Removed)

	// Check reports nil if the store can serve requests.
	Check(ctx context.Context) error

	// Close makes everything accepted so far durable and releases the store.
	// Writes that arrive afterwards fail with ErrClosed.
	Close() error
}

// Errors that stores return, wrapped with what happened.
var (
	// ErrClosed is the answer of a store that has been closed.
	ErrClosed = errors.New("the data store is closed")
	// ErrNotANumber is the answer to an Increment of a member whose value is
	// not a number.
	ErrNotANumber = errors.New("increment target is not a number")
	// ErrExists is the answer to a Write with IfAbsent of a path that has a
	// document.
	ErrExists = errors.New("there is a document at this path already")
	// ErrMissing is the answer to a Write with IfPresent of a path that has
	// no document.
	ErrMissing = errors.New("there is no document at this path")
	// ErrDuplicate is the answer to a write that would give two documents the
	// same values in a unique index.
	ErrDuplicate = errors.New("another document has the same values in a unique index")
	// ErrNoBatches is for a store that is no Batcher.
	ErrNoBatches = errors.New("this data store cannot write several documents as one; write them one by one")
	// ErrNoArchive is the answer to an id that no archive has.
	ErrNoArchive = errors.New("there is no archive with this id")
)

package datastore

import (
	"context"
	"errors"
	"io"
	"time"
)

// A store may do more than Store asks for; whoever needs it looks for these
// interfaces.

// Batcher is a store that carries out several writes as one.
type Batcher interface {
	// WriteAll carries out all writes, in their order, or none of them, and
	// calls done. No crash leaves a part of them behind; readers may see one
	// before another. Two writes may have the same path. The error of a write
	// that could not be carried out is of type *BatchError.
	WriteAll(ctx context.Context, writes []Write, done WrittenAll)
}

// WrittenAll is Written for a batch: docs are the documents as each write left
// them, in the order of the writes. They belong to the callee.
type WrittenAll interface {
	WrittenAll(docs []*Document, err error)
}

// Importer is a store that takes documents as they are, their times, users and
// tags included: for what moves documents from one store to another.
type Importer interface {
	// Import stores each document in place of what is at its path, and returns
	// when they are as durable as the store is configured to make a write. Of
	// two with the same path the later one stays. The documents are the
	// store's afterwards: the caller changes them no more. After an error that
	// concerns one document, of type *BatchError, or any other, some or none of
	// them are stored; each one wholly or not at all.
	Import(ctx context.Context, docs []*Document) error
	// CanImport returns why the store could never keep the document, or nil. It
	// changes nothing and looks at nothing but the document: Import can fail
	// nevertheless, as for a unique index.
	CanImport(doc *Document) error
}

// Getter is a store that looks up many paths sooner at once than one by one.
type Getter interface {
	// GetAll returns the document at each path, nil where there is none.
	GetAll(ctx context.Context, paths []string) ([]*Document, error)
}

// GetAll looks up the paths in a store, whatever it can do.
func GetAll(ctx context.Context, s Store, paths []string) ([]*Document, error) {
	if g, ok := s.(Getter); ok {
		return g.GetAll(ctx, paths)
	}
	docs := make([]*Document, len(paths))
	for i, path := range paths {
		doc, err := s.Get(ctx, []byte(path))
		if err != nil {
			return nil, err
		}
		docs[i] = doc
	}
	return docs, nil
}

// BatchError says which write of a batch, or document of an import, could not be
// carried out.
type BatchError struct {
	Place int    // of the write in the batch, from 0
	Path  string // of the write
	Err   error  // why
}

// Error implements error.
func (e *BatchError) Error() string { return "nothing was written: " + e.Path + ": " + e.Err.Error() }

// Unwrap returns why.
func (e *BatchError) Unwrap() error { return e.Err }

// Watcher is a store that hears of what others write to where it keeps its
// documents.
type Watcher interface {
	// Watch calls heard for each change that somebody else makes, in the order in
	// which they were made at each path, until ctx ends or the store is closed. It
	// returns at once if the store hears of nothing. The next change waits until
	// heard returns. There is at most one Watch of a store at a time.
	Watch(ctx context.Context, heard func(Change))
}

// Change is what somebody else did to a store's documents.
type Change struct {
	Path string
	Doc  *Document // as the change left it, or, if that is not known any more, a later one; nil if it was removed

	// Missed stands for changes of which nothing is known, not even the paths.
	// Path and Doc are empty.
	Missed bool
}

// Explainer is a store that tells how it finds what a query selects.
type Explainer interface {
	// Explain carries out the query and returns, as a raw JSON object, how it
	// went: at least "plan" (text), "documents examined" and "documents
	// found" (numbers).
	Explain(ctx context.Context, q *Query) ([]byte, error)
}

// Snapshotter is a store that can be copied while it runs.
type Snapshotter interface {
	// Backup writes all documents as they are at one moment after the call
	// began. Writers do not wait for it. What has been written to w is of use
	// only if the error is nil.
	Backup(ctx context.Context, w io.Writer) (Snapshot, error)
}

// Snapshot describes a backup.
type Snapshot struct {
	Taken     time.Time // the moment that it shows
	Documents int64
	Bytes     int64  // their paths, data, user names and tags
	Size      int64  // of the backup
	Sum       string // checksum of the backup, SHA-256 in hexadecimal
}

// Reader is what can be read of a store, or of one of its archives.
type Reader interface {
	Get(ctx context.Context, path []byte) (*Document, error)
	Find(ctx context.Context, q *Query, yield func(*Document) bool) error
	Count(ctx context.Context, q *Query) (int, error)
}

// Archive describes documents that were put aside together.
type Archive struct {
	ID        int64     `json:"id"`
	Taken     time.Time `json:"taken"` // the moment that it shows
	Documents int64     `json:"documents"`
	Bytes     int64     `json:"bytes"` // their paths, data, user names and tags
}

// Archives is a store that keeps archives. No two archives of a store ever have
// the same id.
type Archives interface {
	// ListArchives returns them by id, in ascending order.
	ListArchives(ctx context.Context) ([]Archive, error)
	// OpenArchive returns the documents of an archive, which never change; they
	// are gone (ErrNoArchive) when the archive is dropped.
	OpenArchive(ctx context.Context, id int64) (Reader, error)
}

// Archiver is a store that makes archives.
type Archiver interface {
	Archives
	// Archive moves the documents that the query's pattern and filter select, as
	// they are at one moment after the call began, into a new archive, whose id
	// is greater than after. What is written later stays, and writers do not
	// wait. No crash leaves a part of an archive, nor a document in neither place.
	Archive(ctx context.Context, q *Query, after int64) (Archive, error)
	// DropArchive removes an archive and its documents for good.
	DropArchive(ctx context.Context, id int64) error
	// BackupArchive is Snapshotter.Backup for the documents of an archive.
	BackupArchive(ctx context.Context, id int64, w io.Writer) (Snapshot, error)
}

// Sorter is an Order that looks into each document once, however often it is
// compared. A store that sorts uses it where there is one.
type Sorter interface {
	Order
	// Sort sorts in place; documents that compare equal come in path order.
	Sort(docs []*Document)
	// Collect returns a collector of the first n documents; 0 is all.
	Collect(n int) Collector
}

// Collector keeps the documents that come first in an order. It is for one
// goroutine.
type Collector interface {
	// Add shows a document to the collector.
	Add(doc *Document)
	// Docs returns the kept documents in order, those that compare equal in
	// path order, and empties the collector.
	Docs() []*Document
}

// Detailer is an error whose text is for everybody who uses the store. An operator
// may see more, such as addresses of servers.
type Detailer interface {
	error
	Detail() string
}

// Detail is the text of an error of a store as operators see it. Clients are shown
// Error.
func Detail(err error) string {
	var more Detailer
	if errors.As(err, &more) {
		return err.Error() + " (" + more.Detail() + ")"
	}
	return err.Error()
}

// Aggregator is a store that may carry out stages of a pipeline by itself.
type Aggregator interface {
	// Aggregate runs a pipeline on what the query's pattern and filter select, and
	// returns the results as raw JSON. done is false if it does not: then the
	// caller does, on what Find yields. An error of
	// add ends it, and is returned.
	Aggregate(ctx context.Context, q *Query, p *Stages, add func(raw []byte) error) (done bool, err error)
	// Group makes groups of what the query selects, whose Order is nil. done is
	// false if it does not, or cannot promise that its results are those of the
	// pipeline stage in Go. Two groups may have the same key.
	Group(ctx context.Context, q *Query, g *Grouping) (groups []Group, done bool, err error)
}

// Stages is a pipeline as a client sends it, which has been found to be right. It
// reads nothing but what it is run on.
type Stages struct {
	Raw       []byte // a JSON array
	Collation []byte // raw JSON; nil is comparison by bytes
}

// Grouping says what a $group is to do.
type Grouping struct {
	Key    []byte // raw JSON, as "_id" of $group
	Values []Accumulation
	// Ordered asks for the groups in the order in which their first documents come.
	Ordered bool
}

// Accumulation makes one value of those of a group: $sum, $min or $max.
type Accumulation struct {
	Operator string
	Of       []byte // raw JSON, an expression as in a pipeline
}

// Group is what has come of the documents with the same key.
type Group struct {
	Key    []byte   // raw JSON
	Values [][]byte // raw JSON, of each Accumulation
}

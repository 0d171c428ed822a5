package migrate

import (
	"context"
	"fmt"

	"github.com/happn-host/happn-host/datastore"
)

// Source is where documents come from.
type Source interface {
	// Origin describes the source; it costs nothing.
	Origin() Origin
	// Documents calls yield for each document, until yield returns an error,
	// which it returns. With an Origin.Sum the order is the same in every call.
	Documents(ctx context.Context, yield func(Item) error) error
	// Close releases the source.
	Close() error
}

// Origin describes a source.
type Origin struct {
	Kind string // such as "happn-3 data file"
	Name string // for people: a file's path, an address without secrets
	Sum  string // the same for the same content, "" if that cannot be told
	// Ordered says of a source without a Sum that each call of Documents gives
	// the same documents in the same order, as long as nobody changes them.
	Ordered   bool
	Documents int64 // -1 if not known
	Bytes     int64 // that one call of Documents reads; -1 if not known
	Notes     []string
}

// Item is a document of a source, or what should have been one.
type Item struct {
	Doc   datastore.Document
	Fault string // why there is no document; Doc has its path, if that is known
	Place Place
	Read  int64 // bytes of the source read so far
	// Remarks say, each, what is not copied as it is; the report counts them.
	// There are few different ones.
	Remarks []string
}

// Place is where in a source a document stands. The zero value is nowhere that
// could be named.
type Place struct {
	Line   int    // from 1
	Number int    // of the document in that line, from 1; 0 if there is only one
	ID     string // of the document in its source, other than its path; "" if it has none
}

// String names the place, "" for the zero value.
func (p Place) String() string {
	switch {
	case p.Line == 0 && p.ID != "":
		return "_id " + p.ID
	case p.Line == 0:
		return ""
	case p.Number == 0:
		return fmt.Sprintf("line %d", p.Line)
	}
	return fmt.Sprintf("line %d, document %d", p.Line, p.Number)
}

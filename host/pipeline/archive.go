package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/match"
	"github.com/happn-host/happn-host/host/protocol"
)

// source returns where a search looks: in the store, in the archive that it
// names, or among the archives themselves (happn-wire.md, 4.8).
func (p *Pipeline) source(ctx context.Context, o *match.Options) (datastore.Reader, *protocol.Error) {
	if o.ArchiveID == 0 && !o.Archives {
		return p.Store, nil
	}
	archives, ok := p.Store.(datastore.Archives)
	if !ok {
		return nil, protocol.SystemError("this server's data store keeps no archives")
	}
	if o.Archives {
		all, err := archives.ListArchives(ctx)
		if err != nil {
			return nil, dataError(err)
		}
		return catalog(all), nil
	}
	from, err := archives.OpenArchive(ctx, int64(o.ArchiveID))
	switch {
	case errors.Is(err, datastore.ErrNoArchive):
		return nil, protocol.SystemError("Archive ID does not exist")
	case err != nil:
		return nil, dataError(err)
	}
	return from, nil
}

// archivesAreRead is the answer to a write that names an archive.
func archivesAreRead() *protocol.Error {
	return protocol.SystemError("an archive can be read, not written to; leave archiveId out of the options")
}

// catalog is the archives as documents without a path, which only patterns for
// everything cover. In happn-3 they are documents of a store of their own.
type catalog []datastore.Archive

// Get implements datastore.Reader.
func (c catalog) Get(context.Context, []byte) (*datastore.Document, error) { return nil, nil }

// Find implements datastore.Reader.
func (c catalog) Find(_ context.Context, q *datastore.Query, yield func(*datastore.Document) bool) error {
	for _, doc := range c.selected(q) {
		if !yield(doc) {
			break
		}
	}
	return nil
}

// Count implements datastore.Reader.
func (c catalog) Count(_ context.Context, q *datastore.Query) (int, error) {
	return len(c.selected(q)), nil
}

func (c catalog) selected(q *datastore.Query) (docs []*datastore.Document) {
	if strings.Trim(string(q.Pattern), "*") != "" {
		return nil
	}
	for _, a := range c {
		at := a.Taken.UnixMilli()
		doc := &datastore.Document{Created: at, Modified: at, Data: fmt.Appendf(nil,
			`{"sequence":%d,"archive":"archive %d","taken":%d,"documents":%d,"bytes":%d}`, a.ID, a.ID, at, a.Documents, a.Bytes)}
		if q.Filter == nil || q.Filter.Match(doc) {
			docs = append(docs, doc)
		}
	}
	if q.Order != nil {
		slices.SortStableFunc(docs, q.Order.Compare)
	}
	docs = docs[min(max(q.Skip, 0), len(docs)):]
	switch {
	case q.Limit > 0:
		docs = docs[:min(q.Limit, len(docs))]
	case q.Limit < 0:
		docs = docs[:max(0, len(docs)+q.Limit)]
	}
	return docs
}

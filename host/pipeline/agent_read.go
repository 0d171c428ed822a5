package pipeline

import (
	"context"
	"fmt"
	"unicode/utf8"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/match"
	"github.com/happn-host/happn-host/host/tracing"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// Item is what an agent reads. Nobody may change what it holds.
type Item struct {
	Path string
	Data []byte // raw JSON; nil if only the path was asked for

	// Document is what is stored, nil for the result of an aggregation.
	Document *datastore.Document

	meta  []byte // members of _meta where options say which; nil are a document's
	score []byte // a member more, if a plugin has found it
}

// AppendMeta appends _meta as a client would get it with the document, a JSON object.
func (i *Item) AppendMeta(dst []byte) []byte {
	dst = append(dst, '{')
	switch {
	case i.meta != nil:
		dst = append(dst, i.meta...)
	case i.Document != nil:
		dst = appendMeta(dst, i.Document)
	}
	if len(i.score) > 0 {
		if dst[len(dst)-1] != '{' {
			dst = append(dst, ',')
		}
		dst = append(dst, i.score...)
	}
	return append(dst, '}')
}

// show makes the item what the options select of a document. The buffers of an
// item that was used before are used again.
func (i *Item) show(doc *datastore.Document, o search, data []byte) []byte {
	i.Path, i.Data, i.Document = doc.Path, doc.Data, doc
	switch {
	case o.PathOnly:
		i.Data = nil
		i.meta = appendPath(i.meta[:0], bytesOf(doc.Path))
	case o.Fields != nil:
		data, i.meta = o.Fields.Append(data[:0], append(i.meta[:0], ""...), doc)
		i.Data = data
	}
	if o.Archives { // they have no path
		i.Path, i.meta = "", append(i.meta[:0], ""...)
	}
	i.score = appendScore(i.score[:0], o.from)
	return data
}

// search is a read that an agent may make.
type search struct {
	*match.Options
	from datastore.Reader
}

// search checks a read and its options.
func (a *Agent) search(ctx context.Context, path, options []byte) (s search, err error) {
	p := a.pipeline
	switch limit := p.MaxPathBytes; {
	case a.closed.Load():
		return s, ErrClosed
	case len(path) == 0:
		return s, invalid("Bad path, it is empty")
	case limit > 0 && len(path) > limit:
		return s, invalid(fmt.Sprintf("Bad path, %d bytes long: at most %d are allowed", len(path), limit))
	case !utf8.Valid(path):
		return s, invalid("Bad path, it is not valid UTF-8")
	case !a.Rights.MayAsk(abi.ActionGet, path):
		return s, &failure{ErrDenied, accessDenied("unauthorized")}
	}
	a.peer.session.CountMessage()
	if len(options) > 0 {
		scan := rawjson.Scanner{MaxDepth: p.MaxJSONDepth}
		if err := scan.Valid(options); err != nil {
			return s, &failure{ErrInvalid, fmt.Errorf("options: %w", err)}
		}
		options = options[rawjson.Space(options, 0):]
	}
	if s.Options, err = p.parse(options); err != nil {
		return s, &failure{ErrInvalid, dataError(err)}
	}
	from, answer := p.reader(ctx, a.actor(), path, s.Options)
	if answer != nil {
		return s, refusedAs(answer)
	}
	s.from = from
	return s, nil
}

// Get returns the document at a path, or ErrNotFound. The options are those of
// a client's get. With options.aggregate the path may be a pattern, and the item
// has the result for its data.
func (a *Agent) Get(ctx context.Context, path, options []byte) (item Item, err error) {
	ctx, span := tracing.Start(ctx, "get")
	defer span.End()
	span.Path("happn.path", path)
	s, err := a.search(ctx, path, options)
	switch {
	case err != nil:
		return item, err
	case s.Aggregate:
		item.Data, err = a.pipeline.appendAggregate(ctx, nil, a.actor(), path, s.Options, s.from)
		if err != nil {
			return Item{}, refusedAs(searchFailure(err))
		}
		return item, nil
	case isPattern(path):
		return item, invalid("a pattern names many documents: call Find or Count")
	}
	doc, err := a.pipeline.one(ctx, a.actor(), path, s.Options, s.from)
	switch {
	case err != nil:
		return item, storeFailure(err)
	case doc == nil:
		return item, ErrNotFound
	}
	item.show(doc, s, nil)
	return item, nil
}

// Find calls yield for each document that a path or pattern and the options of a
// client's get select, in order, until it returns false. The item is borrowed
// until yield returns; its document may be kept.
func (a *Agent) Find(ctx context.Context, pattern, options []byte, yield func(*Item) bool) error {
	ctx, span := tracing.Start(ctx, "find")
	defer span.End()
	span.Path("happn.path", pattern)
	s, err := a.search(ctx, pattern, options)
	switch {
	case err != nil:
		return err
	case s.Aggregate:
		return invalid("an aggregation has one result: call Get")
	case s.Count:
		return invalid("a number is asked for: call Count")
	}
	var item Item
	var data []byte
	return storeFailure(s.from.Find(ctx, a.pipeline.query(a.actor(), pattern, s.Options), func(doc *datastore.Document) bool {
		data = item.show(doc, s, data)
		return yield(&item)
	}))
}

// Count returns how many documents Find would yield.
func (a *Agent) Count(ctx context.Context, pattern, options []byte) (int, error) {
	ctx, span := tracing.Start(ctx, "count")
	defer span.End()
	span.Path("happn.path", pattern)
	s, err := a.search(ctx, pattern, options)
	switch {
	case err != nil:
		return 0, err
	case s.Aggregate:
		return 0, invalid("aggregate is an option of Get only")
	}
	n, err := s.from.Count(ctx, a.pipeline.query(a.actor(), pattern, s.Options))
	return n, storeFailure(err)
}

package mongo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/mongo/codec"
)

// Write implements datastore.Store. done is called from the store's goroutine.
// Write waits only while the queue is full, and gives up when ctx ends. After an
// error of the connection the write may have been carried out nevertheless.
func (s *Store) Write(ctx context.Context, w *datastore.Write, done datastore.Written) {
	e := &entry{write: *w, written: done}
	e.write.Path, e.write.Data = bytes.Clone(w.Path), nil
	err := s.queue.admit(ctx)
	if err == nil {
		err = s.refuse(w)
	}
	if err != nil {
		e.decide(nil, err)
	} else {
		e.write.Data = bytes.Clone(w.Data)
	}
	s.queue.add(e)
}

// refuse returns why a write is not even queued, or nil.
func (s *Store) refuse(w *datastore.Write) error {
	switch {
	case w.Op < datastore.Put || w.Op > datastore.Increment:
		return errors.New("a write must be a put, a merge or an increment")
	case w.When > datastore.IfPresent:
		return errors.New("a write must be for any path, for an absent document or for a present one")
	}
	return s.available(w.Path)
}

// available returns why a request for the path cannot be carried out, or nil.
func (s *Store) available(pattern []byte) error {
	if !utf8.Valid(pattern) {
		return fmt.Errorf("the path %q is not valid UTF-8, which MongoDB needs", pattern)
	}
	return s.watch.away()
}

// Remove implements datastore.Store. It is carried out in the order of writes,
// unless ctx has ended by then.
func (s *Store) Remove(ctx context.Context, q *datastore.Query, done datastore.Removed) {
	e := &entry{removed: done, ctx: ctx, query: &datastore.Query{Pattern: bytes.Clone(q.Pattern), Filter: q.Filter}}
	e.write.Path = e.query.Pattern
	err := s.queue.admit(ctx)
	if err == nil {
		err = s.available(q.Pattern)
	}
	if err != nil {
		e.decide(nil, err)
	}
	s.queue.add(e)
}

// canonical returns the document as reading it will.
func canonical(doc *datastore.Document) (*datastore.Document, error) {
	raw, err := codec.Encode(doc)
	if err != nil {
		return nil, err
	}
	return codec.Decode(raw)
}

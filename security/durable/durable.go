package durable

import (
	"context"
	"strings"
	"time"

	"github.com/happn-host/happn-host/datastore"
)

// done carries a store's answer to the one who waits.
type done struct {
	doc *datastore.Document
	n   int
	err error
}

// answer has room for the one answer, so that the store never waits.
type answer chan done

func (a answer) Written(doc *datastore.Document, err error) { a <- done{doc: doc, err: err} }
func (a answer) Removed(n int, err error)                   { a <- done{n: n, err: err} }

func (a answer) wait(ctx context.Context) (done, error) {
	select {
	case d := <-a:
		return d, d.err
	case <-ctx.Done():
		return done{}, ctx.Err() // the store may still carry it out
	}
}

// Put stores data, a raw JSON object, as the whole document at the path.
func Put(ctx context.Context, store datastore.Store, path string, data []byte, now time.Time) (*datastore.Document, error) {
	a := make(answer, 1)
	store.Write(ctx, &datastore.Write{Op: datastore.Put, Path: []byte(path), Data: data, Now: now.UnixMilli()}, a)
	d, err := a.wait(ctx)
	return d.doc, err
}

// Insert is Put where there is no document yet; otherwise it fails with
// datastore.ErrExists.
func Insert(ctx context.Context, store datastore.Store, path string, data []byte, now time.Time) error {
	a := make(answer, 1)
	store.Write(ctx, &datastore.Write{
		Op: datastore.Put, When: datastore.IfAbsent, Path: []byte(path), Data: data, Now: now.UnixMilli(),
	}, a)
	_, err := a.wait(ctx)
	return err
}

// Remove removes the document at exactly this path, and tells how many that were.
func Remove(ctx context.Context, store datastore.Store, path string) (int, error) {
	if strings.Contains(path, "*") {
		return 0, nil // no document has such a path
	}
	a := make(answer, 1)
	store.Remove(ctx, &datastore.Query{Pattern: []byte(path)}, a)
	d, err := a.wait(ctx)
	return d.n, err
}

package durable

import (
	"context"
	"strings"
	"time"

	"github.com/happn-host/happn-host/datastore"
)

// Result is a store's answer to a write or a removal.
type Result struct {
	Doc     *datastore.Document // as it was written
	Removed int
	Err     error
}

// answer has room for the one answer, so that the store never waits.
type answer chan Result

// Written implements datastore.Written.
func (a answer) Written(doc *datastore.Document, err error) { a <- Result{Doc: doc, Err: err} }

// Removed implements datastore.Removed.
func (a answer) Removed(n int, err error) { a <- Result{Removed: n, Err: err} }

// Batch is steps that are handed to a store one after the other, and waited for
// together: they become durable at once. It is for one goroutine; the zero value
// is ready to use.
type Batch struct{ waiting []answer }

func (b *Batch) next() answer {
	a := make(answer, 1)
	b.waiting = append(b.waiting, a)
	return a
}

// Write hands a write to the store.
func (b *Batch) Write(ctx context.Context, store datastore.Store, w *datastore.Write) {
	store.Write(ctx, w, b.next())
}

// Remove hands a removal to the store.
func (b *Batch) Remove(ctx context.Context, store datastore.Store, q *datastore.Query) {
	store.Remove(ctx, q, b.next())
}

// Add counts a step that needed no store.
func (b *Batch) Add(r Result) { b.next() <- r }

// Wait returns the answers in the order of the steps, and empties the batch. The
// store may still carry out a step whose answer is the error of the context.
func (b *Batch) Wait(ctx context.Context) []Result {
	all := make([]Result, len(b.waiting))
	for i, a := range b.waiting {
		select {
		case all[i] = <-a:
		case <-ctx.Done():
			all[i].Err = ctx.Err()
		}
	}
	b.waiting = nil
	return all
}

// Put stores data, a raw JSON object, as the whole document at the path.
func Put(ctx context.Context, store datastore.Store, path string, data []byte, now time.Time) (*datastore.Document, error) {
	r := write(ctx, store, &datastore.Write{Op: datastore.Put, Path: []byte(path), Data: data, Now: now.UnixMilli()})
	return r.Doc, r.Err
}

// Insert is Put where there is no document yet; otherwise it fails with
// datastore.ErrExists.
func Insert(ctx context.Context, store datastore.Store, path string, data []byte, now time.Time) error {
	return write(ctx, store, &datastore.Write{
		Op: datastore.Put, When: datastore.IfAbsent, Path: []byte(path), Data: data, Now: now.UnixMilli(),
	}).Err
}

func write(ctx context.Context, store datastore.Store, w *datastore.Write) Result {
	var b Batch
	b.Write(ctx, store, w)
	return b.Wait(ctx)[0]
}

// Remove removes the document at exactly this path, and tells how many that were.
func Remove(ctx context.Context, store datastore.Store, path string) (int, error) {
	if strings.Contains(path, "*") {
		return 0, nil // no document has such a path
	}
	return RemoveAll(ctx, store, &datastore.Query{Pattern: []byte(path)})
}

// RemoveAll removes what a query selects, and tells how many that were.
func RemoveAll(ctx context.Context, store datastore.Store, q *datastore.Query) (int, error) {
	var b Batch
	b.Remove(ctx, store, q)
	r := b.Wait(ctx)[0]
	return r.Removed, r.Err
}

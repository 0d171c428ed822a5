package directory

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// step is one document to write, or with nil data to remove.
type step struct {
	path  string
	data  []byte
	merge bool // into the document that is there
}

// outcome is the store's answer to a step.
type outcome struct {
	doc     *datastore.Document // as it was written
	removed int
	err     error
}

// outcomes has room for one answer, so that the store never waits.
type outcomes chan outcome

func (o outcomes) Written(doc *datastore.Document, err error) { o <- outcome{doc: doc, err: err} }
func (o outcomes) Removed(n int, err error)                   { o <- outcome{removed: n, err: err} }

// commit carries out the steps, in their order, waits until they are durable,
// and takes them in. What was carried out takes effect also if a later step
// fails. The caller holds changing.
func (d *Directory) commit(ctx context.Context, steps ...step) ([]outcome, error) {
	ctx = context.WithoutCancel(ctx) // what is begun is seen through: memory follows the store
	waiting := make([]outcomes, len(steps))
	for i, s := range steps {
		waiting[i] = make(outcomes, 1)
		d.issue(ctx, s, waiting[i])
	}
	all := make([]outcome, len(steps))
	var failure error
	for i := range steps {
		all[i] = <-waiting[i]
		if all[i].err != nil && failure == nil {
			failure = fmt.Errorf("store %s: %w", steps[i].path, all[i].err)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	touched := newDirty()
	for i, s := range steps {
		if all[i].err == nil {
			d.state.apply(s.path, all[i].doc, touched)
		}
	}
	d.refresh(touched)
	return all, failure
}

// issue hands a step to the store.
func (d *Directory) issue(ctx context.Context, s step, done outcomes) {
	switch {
	case d.volatile(s.path):
		done <- d.inMemory(s)
	case s.data == nil:
		d.store.Remove(ctx, &datastore.Query{Pattern: []byte(s.path), Filter: only(s.path)}, done)
	default:
		op := datastore.Put
		if s.merge {
			op = datastore.Merge
		}
		d.store.Write(ctx, &datastore.Write{Op: op, Path: []byte(s.path), Data: s.data, Now: d.options.Now().UnixMilli()}, done)
	}
}

// volatile reports whether a document is kept in memory only.
func (d *Directory) volatile(path string) bool {
	rest, ok := strings.CutPrefix(path, permissionPath)
	return ok && d.options.VolatilePermissions && !strings.HasPrefix(rest, "_")
}

// inMemory carries out a step on the permissions that are not stored.
func (d *Directory) inMemory(s step) outcome {
	d.mu.RLock()
	defer d.mu.RUnlock()
	before := d.state.grants[d.state.granted[s.path]][s.path]
	if s.data == nil {
		if before == nil {
			return outcome{}
		}
		return outcome{removed: 1}
	}
	now := d.options.Now().UnixMilli()
	doc := &datastore.Document{Path: s.path, Data: s.data, Created: now, Modified: now}
	if before != nil {
		doc.Created = before.doc.Created
	}
	return outcome{doc: doc}
}

// only is a filter for the document at exactly this path, which may have a `*`
// in it: the action of a permission can be one.
type only string

// Match implements datastore.Filter.
func (o only) Match(doc *datastore.Document) bool { return doc.Path == string(o) }

// Source implements datastore.Filter.
func (o only) Source() []byte {
	return append(rawjson.AppendString([]byte(`{"path":`), string(o)), '}')
}

// sortedKeys returns the keys of a map in order.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

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
	"github.com/happn-host/happn-host/security/durable"
)

// step is one document to write, or with nil data to remove.
type step struct {
	path  string
	data  []byte
	merge bool // into the document that is there
}

// commit carries out the steps, in their order, waits until they are durable,
// and takes them in. What was carried out takes effect also if a later step
// fails. The caller holds changing.
func (d *Directory) commit(ctx context.Context, steps ...step) ([]durable.Result, error) {
	ctx = context.WithoutCancel(ctx) // what is begun is seen through: memory follows the store
	var batch durable.Batch
	for _, s := range steps {
		d.issue(ctx, s, &batch)
	}
	all := batch.Wait(ctx)
	var failure error
	for i, s := range steps {
		if all[i].Err != nil && failure == nil {
			failure = fmt.Errorf("store %s: %w", s.path, all[i].Err)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	touched := newDirty()
	for i, s := range steps {
		if all[i].Err == nil {
			d.state.apply(s.path, all[i].Doc, touched)
		}
	}
	d.refresh(touched)
	return all, failure
}

// issue hands a step to the store.
func (d *Directory) issue(ctx context.Context, s step, to *durable.Batch) {
	switch {
	case d.volatile(s.path):
		to.Add(d.inMemory(s))
	case s.data == nil:
		to.Remove(ctx, d.store, &datastore.Query{Pattern: []byte(s.path), Filter: only(s.path)})
	default:
		op := datastore.Put
		if s.merge {
			op = datastore.Merge
		}
		to.Write(ctx, d.store, &datastore.Write{Op: op, Path: []byte(s.path), Data: s.data, Now: d.options.Now().UnixMilli()})
	}
}

// volatile reports whether a document is kept in memory only.
func (d *Directory) volatile(path string) bool {
	rest, ok := strings.CutPrefix(path, permissionPath)
	return ok && d.options.VolatilePermissions && !strings.HasPrefix(rest, "_")
}

// inMemory carries out a step on the permissions that are not stored.
func (d *Directory) inMemory(s step) durable.Result {
	d.mu.RLock()
	defer d.mu.RUnlock()
	before := d.state.grants[d.state.granted[s.path]][s.path]
	if s.data == nil {
		if before == nil {
			return durable.Result{}
		}
		return durable.Result{Removed: 1}
	}
	now := d.options.Now().UnixMilli()
	doc := &datastore.Document{Path: s.path, Data: s.data, Created: now, Modified: now}
	if before != nil {
		doc.Created = before.doc.Created
	}
	return durable.Result{Doc: doc}
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

package pipeline

import (
	"bytes"
	"context"
	"fmt"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/aggregate"
	"github.com/happn-host/happn-host/datastore/match"
	"github.com/happn-host/happn-host/host/protocol"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// searchOption returns an option of a search that may stand at both levels of a
// request's options (happn-wire.md, 4.8), nil if it stands at neither.
func searchOption(options []byte, name string) []byte {
	value, ok := rawjson.Lookup(options, name)
	if ok && !rawjson.IsNull(value) {
		return value
	}
	inner, _ := rawjson.Lookup(options, "options")
	if value, ok = rawjson.Lookup(inner, name); ok && !rawjson.IsNull(value) {
		return value
	}
	return nil
}

// aggregate answers a get with what a pipeline makes of the documents that the
// path and the criteria select. Other options of a search have no effect: a
// pipeline has its own stages for them.
func (peer *Peer) aggregate(w *worker, o *match.Options, from datastore.Reader) {
	var err error
	asked := peer.span.Child("store aggregate")
	w.items, err = peer.pipeline.appendAggregate(peer.context(), w.items[:0], w.actor, w.request.Path, o, from)
	asked.End()
	if err != nil {
		peer.fail(w, searchFailure(err))
		return
	}
	w.reply.Data = w.items
	peer.respond(w)
}

func (p *Pipeline) appendAggregate(ctx context.Context, dst []byte, a actor, path []byte, o *match.Options, from datastore.Reader) ([]byte, error) {
	stages, err := aggregate.Compile(o.RawAggregate, o.By)
	if err != nil {
		return dst, err
	}
	q := p.query(a, path, &match.Options{Filter: o.Filter})
	result, err := stages.RunOn(ctx, from, q, aggregate.Options{Lookup: p.lookup(a)})
	if err != nil {
		return dst, err
	}
	dst = append(append(dst, `{"value":`...), result...)
	return append(dst, '}'), nil
}

var explainName = []byte(`"explain"`)

// explains reports whether a get asks how it is carried out instead of for the
// result.
func explains(r *protocol.Request) bool {
	if !bytes.Contains(r.Options, explainName) { // nearly always
		return false
	}
	inner, _ := rawjson.Lookup(r.Options, "options")
	value, _ := rawjson.Lookup(inner, "explain")
	return protocol.Truthy(value)
}

// explain answers with how the store finds what the get selects.
func (peer *Peer) explain(w *worker, o *match.Options) {
	r := &w.request
	if o.Foreign() {
		peer.fail(w, protocol.SystemError("a search that a plugin has a part in cannot be explained"))
		return
	}
	store, ok := peer.pipeline.Store.(datastore.Explainer)
	if !ok || o.ArchiveID != 0 || o.Archives {
		peer.fail(w, protocol.SystemError(fmt.Sprintf("explain feature not available for provider on path: %s", r.Path)))
		return
	}
	plan, err := store.Explain(peer.context(), peer.pipeline.query(w.actor, r.Path, o))
	if err != nil {
		peer.fail(w, dataError(err))
		return
	}
	w.reply.Data = plan
	peer.respond(w)
}

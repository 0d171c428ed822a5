package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"unsafe"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/match"
	"github.com/happn-host/happn-host/host/protocol"
	"github.com/happn-host/happn-host/host/session"
)

// systemPaths is where the host and its security directory keep what is theirs.
const systemPaths = "/_SYSTEM"

// allowed reports whether to carry out the request in w; if not, it is answered.
func (peer *Peer) allowed(w *worker) bool {
	if peer.pipeline.Access != nil || w.actor.principal != nil {
		return peer.authorize(w)
	}
	switch w.request.Action {
	case abi.ActionGet, abi.ActionSet, abi.ActionRemove, abi.ActionOn, abi.ActionCount:
		if ofSystem(requestedPath(&w.request)) {
			peer.fail(w, accessDenied("unauthorized"))
			return false
		}
	}
	return true
}

// ofSystem reports whether a path, or all that a pattern covers, is the host's.
func ofSystem(path []byte) bool {
	return bytes.HasPrefix(path, []byte(systemPaths)) &&
		(len(path) == len(systemPaths) || path[len(systemPaths)] == '/' || path[len(systemPaths)] == '*')
}

// reachesSystem reports whether a pattern may cover paths of the host.
func reachesSystem(pattern []byte) bool {
	literal, _, wild := bytes.Cut(pattern, []byte("*"))
	return wild && (bytes.HasPrefix([]byte(systemPaths+"/"), literal) || ofSystem(literal))
}

// permitted is a filter that lets through only what somebody may have.
type permitted struct {
	datastore.Filter // nil for everything that is permitted
	may              func(path []byte) bool
}

var (
	_ datastore.Bounded   = (*permitted)(nil)
	_ datastore.Conjunct  = (*permitted)(nil)
	_ datastore.Selective = (*permitted)(nil)
)

// Match implements datastore.Filter.
func (p *permitted) Match(doc *datastore.Document) bool {
	return (p.Filter == nil || p.Filter.Match(doc)) && p.may(bytesOf(doc.Path))
}

// Source implements datastore.Filter. It says less than Match, see Native.
func (p *permitted) Source() []byte {
	if p.Filter == nil {
		return []byte("{}")
	}
	return p.Filter.Source()
}

// Native reports that a store cannot decide by Source alone.
func (p *permitted) Native() bool { return false }

// Parts implements datastore.Conjunct: it takes away from what the criteria select.
func (p *permitted) Parts() (parts []datastore.Filter, exact bool) {
	if p.Filter == nil {
		return nil, false
	}
	return []datastore.Filter{p.Filter}, false
}

// Members implements datastore.Selective: a permission is for a path.
func (p *permitted) Members() (names []string, known bool) { return datastore.MembersOf(nil, p.Filter) }

// Bounds implements datastore.Bounded.
func (p *permitted) Bounds() ([]datastore.Bound, bool) {
	if bounded, ok := p.Filter.(datastore.Bounded); ok {
		bounds, _ := bounded.Bounds()
		return bounds, false
	}
	return nil, false
}

// bytesOf returns the bytes of a text, which nobody may change, without a copy.
func bytesOf(text string) []byte { return unsafe.Slice(unsafe.StringData(text), len(text)) }

// picked returns the filter of a search by pattern, with what the actor may
// have; nil is no filter at all.
func (p *Pipeline) picked(a actor, action abi.Action, pattern []byte, f datastore.Filter) datastore.Filter {
	switch {
	case !isPattern(pattern):
		return f
	case p.picks(a.principal, action, pattern):
		return &permitted{f, func(path []byte) bool { return p.may(a.principal, action, path) }}
	}
	return f
}

// query returns a selection of documents to read as the store wants it.
func (p *Pipeline) query(a actor, path []byte, o *match.Options) *datastore.Query {
	q := &datastore.Query{Pattern: path, Skip: o.Skip, Limit: o.Limit}
	if o.Filter != nil {
		q.Filter = o.Filter
	}
	if o.Order != nil {
		q.Order = o.Order
	}
	switch {
	case o.PathOnly:
		q.Members = []string{}
	case o.Fields != nil:
		if names, known := o.Fields.Members(); known {
			q.Members = names
		}
	}
	q.Filter = p.picked(a, abi.ActionGet, path, q.Filter)
	return q
}

// errUnauthorized is wrapped where a part of a request is not allowed.
var errUnauthorized = errors.New("unauthorized")

// lookup returns what reads for the $lookup of a pipeline, within the paths that
// the actor may read.
func (p *Pipeline) lookup(a actor) func(ctx context.Context, from string, yield func(*datastore.Document) bool) error {
	return func(ctx context.Context, from string, yield func(*datastore.Document) bool) error {
		if limit := p.MaxPathBytes; limit > 0 && len(from) > limit {
			return fmt.Errorf("$lookup from a path that is %d bytes long: at most %d are allowed", len(from), limit)
		}
		path := []byte(from)
		if !p.mayAsk(a.principal, abi.ActionGet, path) {
			return fmt.Errorf("$lookup from %s: %w", from, errUnauthorized)
		}
		q := &datastore.Query{Pattern: path, Filter: p.picked(a, abi.ActionGet, path, nil)}
		return p.Store.Find(ctx, q, yield)
	}
}

// Hears implements pubsub.Audience: a subscriber is told only of what it may be
// told of at this moment.
func (o *op) Hears(principal session.Principal) bool {
	return o.peer.pipeline.may(principal, abi.ActionOn, o.request.Path)
}

// mayWriteBelow checks a path that is written in place of the one that was
// authorised: that of a sibling, or of a document in a bulk write.
func (peer *Peer) mayWriteBelow(a actor, path []byte) *protocol.Error {
	if peer.pipeline.may(a.principal, abi.ActionSet, path) {
		return nil
	}
	return accessDenied("unauthorized")
}

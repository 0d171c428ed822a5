package pipeline

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/match"
	"github.com/happn-host/happn-host/host/protocol"
	"github.com/happn-host/happn-host/host/pubsub"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// byModified is the order of initial values (happn-wire.md, 4.11); the store
// orders equal ones by path.
type byModified struct{}

func (byModified) Compare(a, b *datastore.Document) int { return cmp.Compare(a.Modified, b.Modified) }
func (byModified) Source() []byte                       { return []byte(`{"modified":1}`) }

// maxKeptOptions is how long the options of a subscription may be for the answer
// to off to repeat them. Nobody reads them there, so they are not worth memory.
const maxKeptOptions = 4 << 10

// on subscribes, and answers with the documents there are if it is asked to.
func (peer *Peer) on(w *worker) {
	sub, selected, failure := peer.subscribe(w)
	if failure != nil {
		peer.fail(w, failure)
		return
	}
	opts, reference := &w.options, sub.Reference
	if !opts.InitialEmit && !opts.InitialValues {
		w.reply.Data = append(rawjson.AppendString([]byte(`{"id":`), reference), '}')
		peer.respond(w)
		return
	}
	_, path := pubsub.SplitChannel(sub.Channel)
	if failure := peer.initialValues(w, path, sub.Depth, selected); failure != nil {
		// A subscription whose start is unknown is of no use to its owner.
		peer.subscriber.Remove(sub.Channel, func(s pubsub.Subscription) bool { return s.Reference == reference })
		peer.fail(w, failure)
		return
	}
	w.reply.Data = bracketed(w.items)
	w.reply.Meta = rawjson.AppendString([]byte(`"referenceId":`), reference)
	emit := opts.InitialEmit && peer.session.Version().EmitsInitialValues()
	peer.respond(w)
	if emit {
		peer.emitInitial(w)
	}
}

// subscribe makes the subscription that an on asks for, and returns what its
// options select of the documents there are.
func (peer *Peer) subscribe(w *worker) (pubsub.Subscription, *match.Options, *protocol.Error) {
	r := &w.request
	protocol.ParseOptions(r.Options, &w.options)
	opts := &w.options
	sub := pubsub.Subscription{
		Channel: string(r.Path), Merge: opts.Merge, RefCount: string(opts.RefCount),
	}
	if len(r.Options) <= maxKeptOptions {
		sub.Options = string(r.Options)
	}
	_, path := pubsub.SplitChannel(sub.Channel)
	if isDeep(path) {
		if sub.Depth = opts.Depth; sub.Depth <= 0 {
			sub.Depth = peer.pipeline.DefaultDepth
		}
	}
	selected, failure := peer.subscribed(r, opts)
	if failure != nil {
		return sub, nil, failure
	}
	if selected != nil && selected.Filter != nil {
		sub.Criteria, sub.Filter = criteriaKey(r, opts), selected.Filter
	}
	if own := peer.session.Principal(); own != w.actor.principal {
		sub.As = w.actor.principal
	}
	var err error
	if sub.Reference, err = peer.subscriber.Add(sub); err != nil {
		return sub, nil, &protocol.Error{Name: "Error", Message: err.Error(), Cause: err}
	}
	return sub, selected, nil
}

// maxCriteria is how long the criteria of a subscription may be: they are kept
// for as long as it lasts.
const maxCriteria = 16 << 10

// subscribed reads what the options of an on say about documents; nil is nothing.
func (peer *Peer) subscribed(r *protocol.Request, opts *protocol.Options) (*match.Options, *protocol.Error) {
	if opts.Criteria == nil && !opts.InitialEmit && !opts.InitialValues {
		return nil, nil
	}
	if size := len(opts.Criteria) + len(searchOption(r.Options, "collation")); opts.Criteria != nil && size > maxCriteria {
		return nil, protocol.SystemError(fmt.Sprintf(
			"the criteria of a subscription may be %d bytes long, these are %d", maxCriteria, size))
	}
	return peer.selection(r)
}

// criteriaKey returns what subscriptions must have in common to share a filter.
func criteriaKey(r *protocol.Request, opts *protocol.Options) string {
	collation := searchOption(r.Options, "collation")
	if collation == nil {
		return string(opts.Criteria)
	}
	return string(opts.Criteria) + "\n" + string(collation)
}

func isDeep(path string) bool { return path == "**" || strings.HasSuffix(path, "/**") }

// initialValues puts the documents under a subscription's path into w.items.
func (peer *Peer) initialValues(w *worker, path string, depth int, o *match.Options) *protocol.Error {
	from, failure := peer.pipeline.source(peer.context(), o)
	if failure != nil {
		return failure
	}
	q := peer.pipeline.query(w.actor, []byte(path), o)
	if q.Order == nil {
		q.Order = byModified{}
	}
	above := segmentsAbove(path)
	q.Limit, q.Skip = 0, 0
	taken := 0
	w.items = w.items[:0]
	err := from.Find(peer.context(), q, func(doc *datastore.Document) bool {
		if depth > 0 && segments(doc.Path)-above > depth {
			return true
		}
		if taken++; taken <= o.Skip {
			return true
		}
		w.appendItem(doc, o, from)
		return o.Limit <= 0 || taken < o.Skip+o.Limit
	})
	if err != nil {
		return dataError(err)
	}
	return nil
}

// segments counts the segments of a path; a slash before the first one is no
// segment more.
func segments(path string) int { return strings.Count(strings.TrimPrefix(path, "/"), "/") + 1 }

// segmentsAbove counts the segments before the /** of a subscription's path.
func segmentsAbove(path string) int {
	return strings.Count(strings.TrimPrefix(strings.TrimSuffix(path, "**"), "/"), "/")
}

// emitInitial sends the initial values once more as publications, as the oldest
// protocols expect them.
func (peer *Peer) emitInitial(w *worker) {
	channel := string(w.request.Path)
	o := op{peer: peer, actor: w.actor, request: w.request, consistency: protocol.Transactional}
	meta := append([]byte(`"action":`), rawjson.AppendString(nil, "/ON@"+channel)...)
	meta = append(meta, `,"type":"data","sessionId":"`...)
	meta = append(meta, peer.session.ID...)
	meta = append(meta, `","consistency":2,"publicationId":"`...)
	meta = o.appendPublicationID(meta)
	meta = o.appendOrigin(appendPath(append(meta, `",`...), w.request.Path))
	for item := range rawjson.Elements(w.reply.Data) {
		frame := protocol.AppendPublicationHead(nil, item, meta)
		frame = protocol.AppendPublicationTail(frame, peer.session.Version(), channel, 0)
		w.batch.Send(peer.session, frame, true)
	}
}

// off ends subscriptions (happn-wire.md, 4.12): the one that a reference names,
// all on a channel, or, for the path `*`, all of the session.
func (peer *Peer) off(w *worker) {
	r := &w.request
	protocol.ParseOptions(r.Options, &w.options)
	opts := &w.options
	channel := string(r.Path)
	var gone []pubsub.Subscription
	reference := opts.Reference
	switch {
	case channel == "*" && reference == nil:
		gone = peer.subscriber.RemoveAll()
	case reference != nil:
		gone = peer.subscriber.Remove(channel, func(s pubsub.Subscription) bool { return s.Reference == string(reference) })
	case peer.session.Version().CountsReferences() && (opts.RefCount != nil || opts.Listener != nil):
		if gone = peer.subscriber.Remove(channel, namedByClient(opts)); len(gone) > 0 {
			reference = []byte(gone[0].Reference)
		}
	default:
		gone = peer.subscriber.Remove(channel, func(pubsub.Subscription) bool { return true })
	}
	w.items = append(w.items[:0], `{"id":`...)
	if reference != nil {
		w.items = rawjson.AppendString(w.items, reference)
	} else {
		w.items = append(w.items, "false"...)
	}
	w.items = peer.appendRemoved(w.items, channel, gone)
	w.reply.Data = append(w.items, '}')
	peer.respond(w)
}

// everyListener is the listenerId with which the oldest clients end all that
// they have on a channel. Their refCount is then the number of listeners.
const everyListener = "-1"

// namedByClient picks the subscriptions that a client of the oldest protocols
// names by the numbers it has given them.
func namedByClient(opts *protocol.Options) func(pubsub.Subscription) bool {
	if opts.Listener == nil {
		return func(s pubsub.Subscription) bool { return s.RefCount == string(opts.RefCount) }
	}
	return func(s pubsub.Subscription) bool {
		listener, _ := rawjson.Lookup([]byte(s.Options), "listenerId")
		return string(opts.Listener) == everyListener || string(listener) == string(opts.Listener)
	}
}

// appendRemoved appends the member that lists what off has ended. What stands
// there when nothing matched depends on the channel, in happn-3 as here.
func (peer *Peer) appendRemoved(dst []byte, channel string, gone []pubsub.Subscription) []byte {
	event, path := pubsub.SplitChannel(channel)
	switch {
	case isDeep(path):
		return dst
	case len(gone) == 0 && channel != "*" && (event == pubsub.Any || strings.Contains(path, "*")):
		return append(dst, `,"removed":0`...)
	}
	dst = append(dst, `,"removed":[`...)
	for i, sub := range gone {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = pubsub.AppendRemoved(dst, peer.session, sub)
	}
	return append(dst, ']')
}

package pipeline

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/host/protocol"
	"github.com/happn-host/happn-host/host/session"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// set stores, merges, increments or only publishes.
func (peer *Peer) set(w *worker) {
	r := &w.request
	protocol.ParseOptions(r.Options, &w.options)
	opts := &w.options
	opts.NoDataResponse = opts.NoDataResponse && peer.session.Version().NoDataResponse()
	if opts.NullValue {
		r.Data, r.DataHasMeta = []byte("null"), false
	}
	switch {
	case opts.Archive:
		peer.fail(w, archivesAreRead())
		return
	case opts.Bulk:
		peer.bulk(w)
		return
	case opts.Tag != nil && !opts.NoStore:
		peer.snapshot(w)
		return
	case opts.Sibling:
		failure := peer.sibling(r)
		if failure == nil {
			failure = peer.mayWriteBelow(w.actor, r.Path)
		}
		if failure != nil {
			peer.fail(w, failure)
			return
		}
	}
	if opts.Increment != nil {
		peer.increment(w)
		return
	}
	o := peer.newOp(w)
	o.sent = sentData(r.Data, r.DataHasMeta && !opts.NoStore, opts.Merge)
	if opts.NoStore {
		// What is not stored is passed on as it is, _meta and all.
		if o.request.Data = protocol.Wrap(r.Data, false); peer.lane.busy() || peer.agent != nil { // it will outlive the frame
			o.request.Data = append([]byte(nil), o.request.Data...)
		}
		peer.run(w, o)
		return
	}
	o.kind = opWrite
	o.write = datastore.Write{
		Op: datastore.Put, Path: o.request.Path, Data: protocol.Wrap(r.Data, r.DataHasMeta), Now: o.now,
		User: o.actor.username(), When: condition(opts.UpsertType),
	}
	if opts.Merge {
		o.write.Op = datastore.Merge
	}
	peer.run(w, o)
}

// sentData returns a copy of data where what is stored differs from what was
// sent, and nil where it does not.
func sentData(data []byte, hasMeta, merge bool) []byte {
	switch object := rawjson.IsObject(data); {
	case object && hasMeta && merge:
		return protocol.StripMeta(data)
	case data != nil && (merge || !object):
		return append([]byte(nil), data...)
	}
	return nil
}

// increment adds to a counter in a document (happn-wire.md, 4.7).
func (peer *Peer) increment(w *worker) {
	by, ok := number(w.options.Increment)
	if !ok {
		peer.fail(w, protocol.SystemError("increment option value must be a number"))
		return
	}
	if !rawjson.IsString(w.request.Data) {
		peer.fail(w, protocol.SystemError("invalid increment counter field name, must be a string"))
		return
	}
	gauge := string(rawjson.Unquote(w.request.Data))
	if gauge == "" || gauge == "_meta" {
		peer.fail(w, protocol.SystemError(fmt.Sprintf("invalid increment counter field name %q", gauge)))
		return
	}
	o := peer.newOp(w)
	o.gauge = gauge
	o.kind = opWrite
	o.write = datastore.Write{
		Op: datastore.Increment, Path: o.request.Path, Gauge: o.gauge, By: by, Now: o.now,
		User: o.actor.username(), When: condition(w.options.UpsertType),
	}
	peer.run(w, o)
}

// number reads a finite number, also one in a string.
func number(raw []byte) (float64, bool) {
	if rawjson.IsString(raw) {
		raw = rawjson.Unquote(raw)
	}
	f, err := strconv.ParseFloat(strings.TrimSpace(string(raw)), 64)
	return f, err == nil && !math.IsInf(f, 0) && !math.IsNaN(f)
}

// remove removes the documents that a path names.
func (peer *Peer) remove(w *worker) {
	r := &w.request
	selected, failure := peer.selection(r)
	if failure != nil {
		peer.fail(w, failure)
		return
	}
	protocol.ParseOptions(r.Options, &w.options)
	if w.options.Archive || selected.ArchiveID != 0 || selected.Archives {
		peer.fail(w, archivesAreRead())
		return
	}
	w.options.NoDataResponse = false
	o := peer.newOp(w)
	o.kind, o.query = opRemove, datastore.Query{Pattern: o.request.Path}
	if selected.Filter != nil && isPattern(r.Path) {
		o.query.Filter = selected.Filter
	}
	o.query.Filter = peer.pipeline.picked(w.actor, abi.ActionRemove, o.request.Path, o.query.Filter)
	peer.run(w, o)
}

// fill sets the reply of an op that succeeded: data and the members of _meta.
func (o *op) fill(w *worker) {
	w.reply = protocol.Reply{}
	w.meta = w.meta[:0]
	switch {
	case !o.isSet():
		w.items = append(w.items[:0], `{"removed":`...)
		w.items = strconv.AppendInt(w.items, int64(o.removed), 10)
		w.items = append(w.items, '}')
		w.reply.Data = w.items
		w.meta = append(w.meta, `"timestamp":`...)
		w.meta = strconv.AppendInt(w.meta, o.now, 10)
		w.meta = append(w.meta, ',')
		w.meta = appendPath(w.meta, o.request.Path)
	case o.bulk != nil:
		o.fillBulk(w)
	case o.gauge != "":
		w.items = o.appendGauge(w.items[:0])
		w.reply.Data = w.items
	case o.doc == nil:
		w.reply.Data = o.request.Data
		w.meta = appendPath(w.meta, o.request.Path)
	default:
		w.reply.Data = o.doc.Data
		w.meta = protocol.AppendDocumentMeta(w.meta, o.request.Path, o.doc.Created, o.doc.Modified)
		w.meta = appendModifiedBy(w.meta, o.doc)
		w.meta = appendTag(w.meta, o.doc.Tag)
	}
}

func appendPath(dst, path []byte) []byte {
	dst = append(dst, `"path":`...)
	return rawjson.AppendString(dst, path)
}

// appendGauge appends what answers and publications of an increment hold.
func (o *op) appendGauge(dst []byte) []byte {
	value := []byte("null")
	if member, ok := rawjson.Lookup(o.doc.Data, o.gauge); ok {
		if v, ok := rawjson.Lookup(member, "value"); ok {
			value = v
		}
	}
	dst = append(dst, `{"value":`...)
	dst = append(dst, value...)
	dst = append(dst, `,"gauge":`...)
	dst = rawjson.AppendString(dst, o.gauge)
	return append(dst, '}')
}

// failure is the store's error as the client is told of it.
func (o *op) failure() *protocol.Error {
	if o.bulk != nil { // its error names the path
		return dataError(o.err)
	}
	if errors.Is(o.err, datastore.ErrExists) || errors.Is(o.err, datastore.ErrMissing) {
		return dataError(fmt.Errorf("%w: %s", o.err, o.request.Path))
	}
	return dataError(o.err)
}

// fail answers an op that the store refused.
func (o *op) fail(w *worker, b *session.Batch) {
	if agent := o.peer.agent; agent != nil {
		agent.lost(o)
		return
	}
	o.peer.pipeline.stats.Errors.Add(1)
	w.reply = protocol.Reply{Error: o.failure()}
	w.out = protocol.AppendReply(w.out[:0], o.peer.session.Version(), &o.request, &w.reply)
	b.Send(o.peer.session, w.out, false)
}

// answer sends the answer of an op; outcome is nil if it was not published
// before.
func (o *op) answer(w *worker, b *session.Batch, outcome *protocol.Outcome) {
	w.reply.Meta, w.reply.Published = w.meta, outcome != nil
	if outcome != nil && o.publishResults {
		meta := append([]byte(nil), w.meta...)
		if len(meta) > 0 {
			meta = append(meta, ',')
		}
		w.reply.Meta = outcome.Append(append(meta, `"publishResults":`...))
	}
	s := o.peer.session
	if layers := o.peer.pipeline.Layers.Outbound(); len(layers) > 0 {
		data := w.reply.Data
		if !o.peer.pipeline.screenReply(o.context(), b, s, layers, &o.request, &w.reply) {
			return
		}
		defer func() { w.reply.Data = data }() // what is published later is not what this layer saw
	}
	if o.noDataResponse && w.reply.Error == nil {
		w.out = protocol.AppendNoData(w.out[:0], &o.request, o.request.Path, w.reply.Published)
	} else {
		w.out = protocol.AppendReply(w.out[:0], s.Version(), &o.request, &w.reply)
	}
	if len(w.out) > keepBytes {
		b.Send(s, w.out, true)
		w.out = nil
		return
	}
	b.Send(s, w.out, false)
}

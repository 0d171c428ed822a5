package pipeline

import (
	"bytes"
	"strconv"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/match"
	"github.com/happn-host/happn-host/host/protocol"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// isPattern reports whether a path names many documents.
func isPattern(path []byte) bool { return bytes.IndexByte(path, '*') >= 0 }

// dataError is a failure of the data layer as the client is told of it.
func dataError(err error) *protocol.Error {
	failure := protocol.SystemError(err.Error())
	failure.Cause = err
	return failure
}

// selection reads the options of get, count and remove, and of on where it asks
// for initial values.
func (peer *Peer) selection(r *protocol.Request) (*match.Options, *protocol.Error) {
	o, err := peer.pipeline.parse(r.Options)
	if err != nil {
		return nil, dataError(err)
	}
	if r.Action != abi.ActionGet && r.Action != abi.ActionCount {
		if failure := onlyRead(o, r.Action); failure != nil {
			return nil, failure
		}
	}
	if o.Aggregate && r.Action != abi.ActionGet {
		return nil, protocol.SystemError("aggregate is an option of get only")
	}
	return o, nil
}

// get answers with one document, or with all that a pattern matches.
func (peer *Peer) get(w *worker) {
	r := &w.request
	o, failure := peer.selection(r)
	if failure != nil {
		peer.fail(w, failure)
		return
	}
	from, failure := peer.pipeline.reader(peer.context(), w.actor, r.Path, o)
	if failure != nil {
		peer.fail(w, failure)
		return
	}
	switch {
	case explains(r):
		peer.explain(w, o)
		return
	case o.Aggregate:
		peer.aggregate(w, o, from)
		return
	case o.Count && isPattern(r.Path):
		peer.countOf(w, o, from)
		return
	case isPattern(r.Path):
		peer.list(w, o, from)
		return
	}
	asked := peer.span.Child("store get")
	doc, err := peer.pipeline.one(peer.context(), w.actor, r.Path, o, from)
	asked.End()
	if err != nil {
		peer.fail(w, searchFailure(err))
		return
	}
	if doc == nil {
		peer.respond(w)
		return
	}
	switch {
	case o.PathOnly:
		w.meta = append(w.meta[:0], `"path":`...)
		w.meta = rawjson.AppendString(w.meta, doc.Path)
		w.reply.NoData = true
	case o.Fields != nil:
		w.items, w.meta = o.Fields.Append(w.items[:0], w.meta[:0], doc)
		w.reply.Data = w.items
	default:
		w.meta = appendMeta(w.meta[:0], doc)
		w.reply.Data = doc.Data
	}
	w.meta = appendScore(w.meta, from)
	w.reply.Meta = w.meta
	peer.respond(w)
}

// appendMeta appends the members of _meta for a document that is read.
func appendMeta(dst []byte, doc *datastore.Document) []byte {
	dst = protocol.AppendDocumentMeta(dst, doc.Path, doc.Created, doc.Modified)
	return appendTag(appendModifiedBy(dst, doc), doc.Tag)
}

// appendModifiedBy appends who wrote the document last, if that is known.
func appendModifiedBy(dst []byte, doc *datastore.Document) []byte {
	if doc.ModifiedBy == "" {
		return dst
	}
	return rawjson.AppendString(append(dst, `,"modifiedBy":`...), doc.ModifiedBy)
}

// list answers a get with wildcards.
func (peer *Peer) list(w *worker, o *match.Options, from datastore.Reader) {
	r := &w.request
	w.items = w.items[:0]
	asked := peer.span.Child("store find")
	err := from.Find(peer.context(), peer.pipeline.query(w.actor, r.Path, o), func(doc *datastore.Document) bool {
		w.appendItem(doc, o, from)
		return true
	})
	asked.End()
	if err != nil {
		peer.fail(w, searchFailure(err))
		return
	}
	if layers := peer.pipeline.Layers.Outbound(); len(layers) > 0 {
		w.reply.Data = bracketed(w.items)
		if !peer.pipeline.screenReply(w.context(), &w.batch, peer.session, layers, r, &w.reply) {
			return
		}
		if w.reply.Error != nil || !rawjson.IsArray(w.reply.Data) {
			peer.send(w)
			return
		}
		w.items = append(w.items[:0], w.reply.Data[1:len(w.reply.Data)-1]...)
	}
	w.out = protocol.AppendList(w.out[:0], peer.session.Version(), r, w.items)
	w.sendOut(peer.session)
}

// bracketed returns the items of a list as an array.
func bracketed(items []byte) []byte {
	array := append(make([]byte, 0, len(items)+2), '[')
	array = append(array, items...)
	return append(array, ']')
}

// appendItem adds a document that from yields to w.items.
func (w *worker) appendItem(doc *datastore.Document, o *match.Options, from datastore.Reader) {
	if len(w.items) > 0 {
		w.items = append(w.items, ',')
	}
	switch {
	case o.PathOnly:
		w.items = append(w.items, `{"_meta":{"path":`...)
		w.items = appendScore(rawjson.AppendString(w.items, doc.Path), from)
		w.items = append(w.items, "}}"...)
	case o.Fields != nil:
		var data []byte
		data, w.meta = o.Fields.Append(nil, w.meta[:0], doc)
		if doc.Tag != "" {
			data = protocol.StripMeta(data)
		}
		if o.Archives { // they have no path
			w.meta = w.meta[:0]
		}
		w.meta = appendScore(w.meta, from)
		w.items = protocol.AppendItem(w.items, data, w.meta)
	case o.Archives:
		w.items = protocol.AppendItem(w.items, doc.Data, nil)
	default:
		w.meta = appendScore(appendMeta(w.meta[:0], doc), from)
		w.items = protocol.AppendItem(w.items, content(doc), w.meta)
	}
}

// count answers with the number of documents.
func (peer *Peer) count(w *worker) {
	o, failure := peer.selection(&w.request)
	if failure != nil {
		peer.fail(w, failure)
		return
	}
	from, failure := peer.pipeline.reader(peer.context(), w.actor, w.request.Path, o)
	if failure != nil {
		peer.fail(w, failure)
		return
	}
	peer.countOf(w, o, from)
}

func (peer *Peer) countOf(w *worker, o *match.Options, from datastore.Reader) {
	asked := peer.span.Child("store count")
	n, err := from.Count(peer.context(), peer.pipeline.query(w.actor, w.request.Path, o))
	asked.End()
	if err != nil {
		peer.fail(w, searchFailure(err))
		return
	}
	w.items = append(w.items[:0], `{"value":`...)
	w.items = strconv.AppendInt(w.items, int64(n), 10)
	w.items = append(w.items, '}')
	w.reply.Data = w.items
	peer.respond(w)
}

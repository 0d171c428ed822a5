package pipeline

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/host/protocol"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// DefaultBulk is how many documents a bulk write may have at most, unless
// Options say otherwise.
const DefaultBulk = 10_000

// bulk is what an op has beside a single set's when it writes many documents.
type bulk struct {
	store  datastore.Batcher
	writes []datastore.Write     // borrowed from the frame: gone once the store was asked
	sent   [][]byte              // by document what op.sent is; nil if it is nil for all
	docs   []*datastore.Document // as the store answered
	place  int                   // of the document that is being published, from 1; 0 for none
}

// bulk writes many documents, all or none: a set whose data are an array of
// {"path","data"}, each below the path of the request.
func (peer *Peer) bulk(w *worker) {
	store, able := peer.pipeline.Store.(datastore.Batcher)
	if !able {
		peer.fail(w, dataError(datastore.ErrNoBatches))
		return
	}
	many, failure := peer.readBulk(w)
	if failure != nil {
		peer.fail(w, failure)
		return
	}
	many.store = store
	o := peer.newOp(w)
	o.kind, o.bulk = opBulk, many
	for i := range many.writes {
		many.writes[i].Now = o.now
	}
	peer.run(w, o)
}

// readBulk reads and checks the documents of a bulk write.
func (peer *Peer) readBulk(w *worker) (*bulk, *protocol.Error) {
	r, limit := &w.request, peer.pipeline.MaxBulk
	if option := notForBulk(&w.options); option != "" {
		return nil, protocol.SystemError(fmt.Sprintf("a bulk write cannot have the option %s; leave it out, or set the documents one by one", option))
	}
	if !rawjson.IsArray(r.Data) {
		return nil, protocol.SystemError(`a bulk write needs an array such as [{"path":"/a/1","data":{}}] for its data`)
	}
	n := 0
	for range rawjson.Elements(r.Data) {
		n++
	}
	if n > limit {
		return nil, protocol.SystemError(fmt.Sprintf("a bulk write of %d documents: at most %d are allowed; send several", n, limit))
	}
	many := &bulk{writes: make([]datastore.Write, 0, n)}
	for element := range rawjson.Elements(r.Data) {
		if failure := peer.addToBulk(w, many, element); failure != nil {
			failure.Message = fmt.Sprintf("document %d of the bulk write: %s", len(many.writes)+1, failure.Message)
			return nil, failure
		}
	}
	return many, nil
}

// notForBulk names an option that says something else than to write documents.
func notForBulk(o *protocol.Options) string {
	switch {
	case o.NoStore:
		return "noStore"
	case o.Increment != nil:
		return "increment"
	case o.Tag != nil:
		return "tag"
	case o.Sibling:
		return "set_type"
	}
	return ""
}

// addToBulk reads one document and adds it.
func (peer *Peer) addToBulk(w *worker, many *bulk, element []byte) *protocol.Error {
	rawPath, data, failure := bulkMembers(element)
	if failure != nil {
		return failure
	}
	path := rawjson.Unquote(rawPath)
	if failure := peer.mayWriteInBulk(w, path, rawPath); failure != nil {
		return failure
	}
	_, hasMeta := rawjson.Lookup(data, "_meta")
	one := datastore.Write{
		Op: datastore.Put, Path: path, Data: protocol.Wrap(data, hasMeta),
		User: w.actor.username(), When: condition(w.options.UpsertType),
	}
	if w.options.Merge {
		one.Op = datastore.Merge
	}
	if sent := sentData(data, hasMeta, w.options.Merge); sent != nil {
		if many.sent == nil {
			many.sent = make([][]byte, cap(many.writes))
		}
		many.sent[len(many.writes)] = sent
	}
	many.writes = append(many.writes, one)
	return nil
}

// bulkMembers takes a document of a bulk write apart.
func bulkMembers(element []byte) (path, data []byte, failure *protocol.Error) {
	const shape = `it must be an object such as {"path":"/a/1","data":{}}`
	if !rawjson.IsObject(element) {
		return nil, nil, protocol.SystemError(shape)
	}
	for name, value := range rawjson.Members(element) {
		switch string(name) {
		case "path":
			path = value
		case "data":
			data = value
		default:
			return nil, nil, protocol.SystemError(fmt.Sprintf("unknown member %q: %s", name, shape))
		}
	}
	if data == nil {
		return nil, nil, protocol.SystemError("it has no data: " + shape)
	}
	return path, data, nil
}

// mayWriteInBulk checks a path as that of a set is checked, and that it lies
// below the path of the request.
func (peer *Peer) mayWriteInBulk(w *worker, path, raw []byte) *protocol.Error {
	one := protocol.Request{Action: abi.ActionSet, Path: path, HasPath: rawjson.IsString(raw), RawPath: raw}
	if failure := protocol.CheckPath(&one, peer.pipeline.MaxPathBytes); failure != nil {
		return failure
	}
	if !liesBelow(path, w.request.Path) {
		return protocol.SystemError(fmt.Sprintf("path %s does not lie below %s, the path of the request", path, w.request.Path))
	}
	return peer.mayWriteBelow(w.actor, path)
}

// liesBelow reports whether base and a slash are before path; a base that ends
// with a slash needs no other, and below "/" lies everything.
func liesBelow(path, base []byte) bool {
	if string(base) == "/" {
		return true
	}
	base = bytes.TrimSuffix(base, []byte("/"))
	return len(path) > len(base)+1 && path[len(base)] == '/' && bytes.HasPrefix(path, base)
}

// WrittenAll implements datastore.WrittenAll.
func (o *op) WrittenAll(docs []*datastore.Document, err error) {
	o.bulk.docs, o.err = docs, err
	o.answered()
}

// fillBulk is fill for a bulk write.
func (o *op) fillBulk(w *worker) {
	w.items = append(w.items[:0], `{"written":`...)
	w.items = strconv.AppendInt(w.items, int64(len(o.bulk.docs)), 10)
	w.items = append(w.items, '}')
	w.reply.Data = w.items
	w.meta = appendPath(w.meta, o.request.Path)
}

// eachDocument makes the op one of each document after the other, as if it were
// a set of its own, and one of the whole request again in the end.
func (o *op) eachDocument(w *worker, publish func()) {
	many, path, data := o.bulk, o.request.Path, w.reply.Data
	for i, doc := range many.docs {
		many.place, o.doc, o.request.Path, w.reply.Data = i+1, doc, bytesOf(doc.Path), doc.Data
		if many.sent != nil {
			o.sent = many.sent[i]
		}
		publish()
	}
	many.place, o.doc, o.request.Path, w.reply.Data, o.sent = 0, nil, path, data, nil
}

// appendPlace sets apart the publications of one request: a client acknowledges
// each id once.
func (o *op) appendPlace(id []byte) []byte {
	if o.bulk == nil || o.bulk.place == 0 {
		return id
	}
	return strconv.AppendInt(append(id, '-'), int64(o.bulk.place), 10)
}

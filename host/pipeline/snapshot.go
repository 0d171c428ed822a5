package pipeline

import (
	"crypto/rand"
	"encoding/hex"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/host/protocol"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// The texts are happn-3's (happn-wire.md, Appendix F).
const (
	tagWithData  = "Cannot set tag with new data."
	tagOfNothing = "Attempt to tag something that doesn't exist in the first place"
)

// tags is where snapshots are kept.
const tags = "/_TAGS"

// uniqueName returns a path segment that no document has yet: a UUID of version 7,
// so that paths made one after the other are listed in that order, to the
// millisecond.
func uniqueName(now int64) []byte {
	var b [16]byte
	_, _ = rand.Read(b[6:]) // never fails, see its documentation
	for i := range 6 {
		b[i] = byte(now >> (40 - 8*i))
	}
	b[6] = b[6]&0x0f | 0x70
	b[8] = b[8]&0x3f | 0x80
	name := make([]byte, 0, 36)
	for _, part := range [...][]byte{b[0:4], b[4:6], b[6:8], b[8:10], b[10:16]} {
		if len(name) > 0 {
			name = append(name, '-')
		}
		name = hex.AppendEncode(name, part)
	}
	return name
}

// below returns path with a unique segment after it.
func (p *Pipeline) below(path []byte) []byte {
	unique := append([]byte(nil), path...)
	if len(path) == 0 || path[len(path)-1] != '/' {
		unique = append(unique, '/')
	}
	return append(unique, uniqueName(p.nowMillis())...)
}

// sibling gives the request a path of its own below the one it asks for.
func (peer *Peer) sibling(r *protocol.Request) *protocol.Error {
	r.Path = peer.pipeline.below(r.Path)
	return protocol.CheckPath(r, peer.pipeline.MaxPathBytes)
}

// snapshot stores a copy of the document at the path under a path of its own,
// with the tag that the request gives it.
func (peer *Peer) snapshot(w *worker) {
	r := &w.request
	if r.Data != nil && !rawjson.IsNull(r.Data) {
		peer.fail(w, protocol.SystemError(tagWithData))
		return
	}
	doc, err := peer.pipeline.Store.Get(peer.contextOf(w), r.Path)
	switch {
	case err != nil:
		peer.fail(w, dataError(err))
		return
	case doc == nil:
		peer.fail(w, protocol.SystemError(tagOfNothing))
		return
	}
	path := []byte(tags)
	if r.Path[0] != '/' {
		path = append(path, '/')
	}
	r.Path = peer.pipeline.below(append(path, r.Path...))
	if failure := protocol.CheckPath(r, peer.pipeline.MaxPathBytes); failure != nil {
		peer.fail(w, failure)
		return
	}
	o := peer.newOp(w)
	o.kind = opWrite
	o.write = datastore.Write{
		Op: datastore.Put, Path: o.request.Path, Data: snapshotOf(doc), Tag: string(w.options.Tag), Now: o.now,
		User: o.actor.username(),
	}
	peer.run(w, o)
}

// snapshotOf returns what a snapshot of the document holds.
func snapshotOf(doc *datastore.Document) []byte {
	out := append(make([]byte, 0, len(doc.Data)+len(doc.Path)+128), `{"data":`...)
	out = append(out, doc.Data...)
	out = append(out, `,"_meta":{`...)
	return append(appendMeta(out, doc), "}}"...)
}

// appendTag appends the member of _meta that only snapshots have.
func appendTag(dst []byte, tag string) []byte {
	if tag == "" {
		return dst
	}
	return rawjson.AppendString(append(dst, `,"tag":`...), tag)
}

// content returns a document's data as they stand in an item of a list. A
// snapshot has a _meta of its own among them, in whose place the document's is
// shown, as in happn-3.
func content(doc *datastore.Document) []byte {
	if doc.Tag == "" {
		return doc.Data
	}
	return protocol.StripMeta(doc.Data)
}

// The values of options.upsertType (happn-wire.md, 4.7); 0 is a plain set.
const (
	upsertUpdate = 1 // only what exists
	upsertInsert = 2 // only what does not
	upsertBulk   = 3 // publishes nothing
)

// condition returns what a write of this upsertType asks of the store.
func condition(upsertType int) datastore.Condition {
	switch upsertType {
	case upsertUpdate:
		return datastore.IfPresent
	case upsertInsert:
		return datastore.IfAbsent
	}
	return datastore.Always
}

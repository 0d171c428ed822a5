package pipeline

import "github.com/happn-host/happn-host/datastore"

// tellChanged tells the host of documents of its own that the op has written or
// removed, before that is answered: what they say holds from then on. An agent is
// answered by the store, so it tells of them, too, see Agent.answer.
func (o *op) tellChanged() {
	var docs []*datastore.Document
	if o.bulk != nil {
		docs = o.bulk.docs
	}
	o.peer.pipeline.tellChanged(o.kind, o.request.Path, o.removed, docs)
}

func (p *Pipeline) tellChanged(kind opKind, path []byte, removed int, docs []*datastore.Document) {
	tell := p.Changed
	switch {
	case tell == nil:
	case kind == opWrite && ofSystem(path):
		tell(string(path))
	case kind == opRemove && removed > 0 && (ofSystem(path) || reachesSystem(path)):
		tell(string(path))
	case kind == opBulk:
		for _, doc := range docs {
			if ofSystem(bytesOf(doc.Path)) {
				tell(doc.Path)
			}
		}
	}
}

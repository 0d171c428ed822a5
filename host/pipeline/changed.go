package pipeline

// tellChanged tells the host of documents of its own that the op has written or
// removed, before that is answered: what they say holds from then on.
func (o *op) tellChanged() {
	tell := o.peer.pipeline.Changed
	switch {
	case tell == nil:
	case o.kind == opWrite && ofSystem(o.request.Path):
		tell(string(o.request.Path))
	case o.kind == opRemove && o.removed > 0 && (ofSystem(o.request.Path) || reachesSystem(o.request.Path)):
		tell(string(o.request.Path))
	case o.kind == opBulk:
		for _, doc := range o.bulk.docs {
			if ofSystem(bytesOf(doc.Path)) {
				tell(doc.Path)
			}
		}
	}
}

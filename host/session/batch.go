package session

// Batch remembers which sessions were sent something, so that frames which wait
// for the same peer leave together. Whoever carries out requests owns one and
// flushes it before it waits for anything. The zero value is ready to use; it
// is not safe for concurrent use.
type Batch struct {
	dirty []Link
}

// maxDirty bounds how many peers have buffers waiting for one batch.
const maxDirty = 256

// Send queues one frame for the session (see Link.Send).
func (b *Batch) Send(s *Session, payload []byte, stable bool) {
	if !s.link.Send(payload, stable) {
		return
	}
	b.dirty = append(b.dirty, s.link)
	if len(b.dirty) >= maxDirty {
		b.Flush()
	}
}

// Flush lets out everything that was sent.
func (b *Batch) Flush() {
	for i, link := range b.dirty {
		link.Flush()
		b.dirty[i] = nil
	}
	b.dirty = b.dirty[:0]
}

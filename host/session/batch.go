package session

// Batch remembers which sessions were sent something, so that frames which wait
// for the same peer leave together. Whoever carries out requests owns one and
// flushes it before it waits for anything. The zero value is ready to use; it
// is not safe for concurrent use.
type Batch struct {
	dirty  []Link
	sealed []byte // for one encrypted frame
}

// maxDirty bounds how many peers have buffers waiting for one batch.
const maxDirty = 256

// Send queues one frame for the session (see Link.Send), encrypted if the session
// is.
func (b *Batch) Send(s *Session, payload []byte, stable bool) {
	if c := s.cipher.Load(); c != nil {
		b.sendSealed(s, *c, payload)
		return
	}
	b.SendOpen(s, payload, stable)
}

// SendOpen queues one frame as it is.
func (b *Batch) SendOpen(s *Session, payload []byte, stable bool) {
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

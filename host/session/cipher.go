package session

// Cipher encrypts what a client is sent and decrypts what it sends. It is
// immutable and may be used by many goroutines.
type Cipher interface {
	// Seal appends the message as a text that needs no escapes in JSON. dst
	// does not overlap the message.
	Seal(dst, message []byte) []byte

	// Open appends the message that text was made from.
	Open(dst, text []byte) ([]byte, error)
}

// Cipher returns what the session encrypts with, nil if it does not.
func (s *Session) Cipher() Cipher {
	if c := s.cipher.Load(); c != nil {
		return *c
	}
	return nil
}

// Encrypt makes c what the session encrypts with from now on; nil ends that.
func (s *Session) Encrypt(c Cipher) {
	if c == nil {
		s.cipher.Store(nil)
		return
	}
	s.cipher.Store(&c)
}

// seal writes a frame as a client that encrypts reads it.
func (b *Batch) seal(c Cipher, frame []byte) []byte {
	b.sealed = append(b.sealed[:0], `{"encrypted":"`...)
	b.sealed = c.Seal(b.sealed, frame)
	b.sealed = append(b.sealed, `"}`...)
	return b.sealed
}

// keepSealed is how large a buffer may be to be kept for the next frame.
const keepSealed = 64 << 10

// sendSealed queues one frame, encrypted.
func (b *Batch) sendSealed(s *Session, c Cipher, frame []byte) {
	text := b.seal(c, frame)
	large := len(text) > keepSealed
	if large {
		b.sealed = nil // given away, not copied
	}
	b.SendOpen(s, text, large)
}

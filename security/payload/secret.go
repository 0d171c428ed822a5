package payload

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
)

// Derivation is how the key is made from the text of a session's secret.
type Derivation uint8

// The derivations.
const (
	Derived Derivation = iota // clients of the protocols up to happn_3: by OpenSSL's old function, without salt
	Direct                    // happn_4: the text is the key
)

// secretSize is the length of a secret's text, which is what AES-256 takes for a key.
const secretSize = 32

// Secret encrypts the messages of one session, in both directions. It is
// immutable and may be used by many goroutines.
type Secret struct {
	text  string
	block cipher.Block
	iv    [aes.BlockSize]byte
}

// NewSecret returns a secret that nobody can guess. happn-3 takes a UUID that is
// made of the time.
func NewSecret(d Derivation) *Secret {
	var random [secretSize / 2]byte
	_, _ = rand.Read(random[:]) // never fails, see its documentation
	s, err := ParseSecret(hex.EncodeToString(random[:]), d)
	if err != nil {
		panic(err) // the length is right
	}
	return s
}

// ParseSecret returns the secret with this text of 32 bytes.
func ParseSecret(text string, d Derivation) (*Secret, error) {
	if len(text) != secretSize {
		return nil, fmt.Errorf("a secret has %d bytes, not %d", secretSize, len(text))
	}
	s := &Secret{text: text}
	key := []byte(text)
	if d == Derived {
		derived := stretch(text, secretSize+aes.BlockSize)
		key = derived[:secretSize]
		copy(s.iv[:], derived[secretSize:])
	} else {
		for i := range s.iv {
			s.iv[i] = text[2*i]
		}
	}
	var err error
	s.block, err = aes.NewCipher(key)
	return s, err
}

// stretch is OpenSSL's EVP_BytesToKey with MD5, one round and no salt, which the
// clients use. The text is random, so that there is nothing to guess.
func stretch(text string, size int) []byte {
	var out, last []byte
	for len(out) < size {
		sum := md5.Sum(append(last, text...))
		last = sum[:]
		out = append(out, last...)
	}
	return out[:size]
}

// Text returns the secret as the client is told it.
func (s *Secret) Text() string { return s.text }

// Seal appends the message, encrypted, in hexadecimal digits. dst must not overlap
// the message.
func (s *Secret) Seal(dst, message []byte) []byte {
	start, size := len(dst), len(message)
	dst = slices.Grow(dst, 2*size)[:start+2*size]
	// The bytes wait in the upper half for their digits, which reach them only
	// after they were read.
	raw, digits := dst[start+size:], dst[start:]
	cipher.NewCTR(s.block, s.iv[:]).XORKeyStream(raw, message)
	for i, b := range raw {
		digits[2*i], digits[2*i+1] = hexDigits[b>>4], hexDigits[b&15]
	}
	return dst
}

const hexDigits = "0123456789abcdef"

// ErrHex is the error of an encrypted message that is no hexadecimal text.
var ErrHex = errors.New("an encrypted message is hexadecimal digits, two for each byte")

// Open appends the message that text, in hexadecimal digits, is encrypted from.
// Whatever the digits are, they decrypt to something: nothing tells what was
// changed on the way.
func (s *Secret) Open(dst, text []byte) ([]byte, error) {
	if len(text)%2 != 0 {
		return dst, ErrHex
	}
	start := len(dst)
	dst = slices.Grow(dst, len(text)/2)[:start+len(text)/2]
	if _, err := hex.Decode(dst[start:], text); err != nil {
		return dst[:start], ErrHex
	}
	cipher.NewCTR(s.block, s.iv[:]).XORKeyStream(dst[start:], dst[start:])
	return dst, nil
}

package pipeline

import (
	"crypto/rand"
	"encoding/base64"
)

// newNonce returns 44 characters that nobody can guess.
func newNonce() []byte {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails, see its documentation
	return base64.StdEncoding.AppendEncode(nil, b[:])
}

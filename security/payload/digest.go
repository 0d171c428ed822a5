package payload

import (
	"encoding/base64"

	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
)

// maxDigest is the longest text of a signature that is read.
const maxDigest = 256

// Signed reports whether digest, in base64, is the signature of the 32 bytes of
// a nonce by the holder of a public key, as clients before release 12 log in
// with a key.
func Signed(publicKey, digest string, nonce []byte) bool {
	if len(digest) > maxDigest {
		return false
	}
	public, err := parsePublic(publicKey)
	if err != nil {
		return false
	}
	raw, err := base64.StdEncoding.DecodeString(digest)
	if err != nil {
		return false
	}
	signature, err := ecdsa.ParseDERSignature(raw)
	return err == nil && signature.Verify(nonce, public)
}

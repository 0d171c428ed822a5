package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// prefix marks a text as a key, so that a password is none.
const prefix = "hk1."

// minSecret is the least length of a secret, in bytes: a shorter one can be
// guessed by whoever has a key.
const minSecret = 32

// key is what a client logs in with: hk1.<signer>.<id>.<signature>.
type key struct {
	signer    string // which secret has signed it
	id        string // names its document
	signature []byte
}

// parseKey reads a key. A text that does not begin as one is none at all.
func parseKey(text string) (k key, isKey, valid bool) {
	rest, isKey := strings.CutPrefix(text, prefix)
	if !isKey {
		return key{}, false, false
	}
	parts := strings.Split(rest, ".")
	if len(parts) != 3 || !isName(parts[0]) || !isName(parts[1]) {
		return key{}, true, false
	}
	signature, err := base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if err != nil || len(signature) != sha256.Size {
		return key{}, true, false
	}
	return key{signer: parts[0], id: parts[1], signature: signature}, true, true
}

// isName keeps slashes, asterisks and dots out of paths.
func isName(s string) bool {
	return s != "" && len(s) <= 64 && !strings.ContainsFunc(s, func(c rune) bool {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		return !letter && c != '-' && c != '_'
	})
}

// signedBy reports whether the secret has signed the key. How long that takes does
// not depend on how much of the signature is right.
func (k key) signedBy(secret string) bool {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(k.signer + "." + k.id))
	return hmac.Equal(mac.Sum(nil), k.signature)
}

package login

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"slices"
	"sync"
	"time"

	"github.com/happn-host/happn-host/security/payload"
)

// Bounds of digest logins.
const (
	maxNonceKeys = 20_000
	maxNonces    = 8 // of one key, so that clients that share it can log in together
	maxPublicKey = 16 << 10
	nonceBytes   = 32
)

// nonces are the texts that clients were given to sign. Each serves one login.
type nonces struct {
	ttl time.Duration
	now func() time.Time

	mu   sync.Mutex
	keys *bounded[[]nonce]
}

type nonce struct {
	value [nonceBytes]byte
	until time.Time
}

func newNonces(ttl time.Duration, now func() time.Time) *nonces {
	if ttl <= 0 {
		ttl = time.Minute
	}
	return &nonces{ttl: ttl, now: now, keys: newBounded[[]nonce](maxNonceKeys)}
}

// give returns a new nonce for the holder of a key.
func (n *nonces) give(publicKey string) (string, error) {
	if publicKey == "" {
		return "", plainError("no public key with request")
	}
	if len(publicKey) > maxPublicKey {
		return "", plainError("the public key is too long to be one")
	}
	var fresh nonce
	_, _ = rand.Read(fresh.value[:]) // never fails, see its documentation
	fresh.until = n.now().Add(n.ttl)
	n.mu.Lock()
	defer n.mu.Unlock()
	all := n.keys.add(publicKey, nil)
	*all = append(*all, fresh)
	*all = slices.Clone((*all)[max(0, len(*all)-maxNonces):])
	return base64.StdEncoding.EncodeToString(fresh.value[:]), nil
}

// open returns the nonces of a key that can be used now.
func (n *nonces) open(publicKey string) []nonce {
	n.mu.Lock()
	defer n.mu.Unlock()
	all, ok := n.keys.get(publicKey)
	if !ok {
		return nil
	}
	now := n.now()
	*all = slices.DeleteFunc(*all, func(o nonce) bool { return now.After(o.until) })
	return slices.Clone(*all)
}

// use takes a nonce, for the one who is first.
func (n *nonces) use(publicKey string, used nonce) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	all, ok := n.keys.get(publicKey)
	if !ok {
		return false
	}
	before := len(*all)
	*all = slices.DeleteFunc(*all, func(o nonce) bool { return o.value == used.value })
	return len(*all) < before
}

// signed reports whether digest is the signature, by the holder of the key, of a
// nonce that was given for it and not used before.
func (n *nonces) signed(publicKey, digest string) bool {
	open := n.open(publicKey)
	if len(open) == 0 || len(digest) > maxPublicKey {
		return false
	}
	for _, candidate := range open {
		if verified(publicKey, digest, candidate.value[:]) {
			return n.use(publicKey, candidate)
		}
	}
	return false
}

// verified reports whether the holder of the key has signed the nonce: with RSA, or
// on the curve of the clients before happn-3 12.
func verified(publicKey, digest string, nonce []byte) bool {
	key, ok := readKey(publicKey)
	if !ok {
		return payload.Signed(publicKey, digest, nonce)
	}
	signature, err := base64.StdEncoding.DecodeString(digest)
	hashed := sha256.Sum256(nonce)
	return err == nil && rsa.VerifyPKCS1v15(key, crypto.SHA256, hashed[:], signature) == nil
}

// readKey reads an RSA key as PEM, in the form of happn-3 or the usual one.
func readKey(text string) (*rsa.PublicKey, bool) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, false
	}
	if key, err := x509.ParsePKCS1PublicKey(block.Bytes); err == nil {
		return key, true
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	key, ok := parsed.(*rsa.PublicKey)
	return key, err == nil && ok
}

package payload

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
)

// Pair is the key pair of a server. It is immutable.
type Pair struct {
	private *secp256k1.PrivateKey
	public  string
}

// PublicKey returns the public key as clients are told it: base64 of a point
// on the curve secp256k1.
func (p *Pair) PublicKey() string { return p.public }

// Generate returns a new pair.
func Generate() (*Pair, error) {
	private, err := secp256k1.GeneratePrivateKey()
	if err != nil {
		return nil, fmt.Errorf("generate a key pair: %w", err)
	}
	return newPair(private), nil
}

func newPair(private *secp256k1.PrivateKey) *Pair {
	return &Pair{private, base64.StdEncoding.EncodeToString(private.PubKey().SerializeCompressed())}
}

// record is a pair as happn-3 writes it: base64 of the bare numbers.
type record struct {
	PrivateKey string `json:"privateKey"`
	PublicKey  string `json:"publicKey"`
}

// Text returns the pair as happn-3 stores it. It contains the private key.
func (p *Pair) Text() string {
	private := base64.StdEncoding.EncodeToString(p.private.Serialize())
	raw, _ := json.Marshal(record{private, p.public}) // never fails for strings
	return string(raw)
}

// ErrPair is the error of a text that is no key pair.
var ErrPair = errors.New("this is no key pair of a happn-3 server")

// ParsePair reads what happn-3 has stored: a pair, or the bare private key that
// its early releases wrote, in the wallet import format.
func ParsePair(text string) (*Pair, error) {
	var stored record
	if json.Unmarshal([]byte(text), &stored) != nil {
		private, ok := importWallet(text)
		if !ok {
			return nil, ErrPair
		}
		return newPair(private), nil
	}
	raw, err := base64.StdEncoding.DecodeString(stored.PrivateKey)
	if err != nil {
		return nil, ErrPair
	}
	private, ok := privateKey(raw)
	if !ok {
		return nil, ErrPair
	}
	pair := newPair(private)
	if public, err := parsePublic(stored.PublicKey); err != nil || !public.IsEqual(private.PubKey()) {
		return nil, ErrPair
	}
	pair.public = stored.PublicKey // clients may remember this very text
	return pair, nil
}

// privateKey reads a number in big-endian order, without its leading zeros if the
// writer has left them out.
func privateKey(raw []byte) (*secp256k1.PrivateKey, bool) {
	var scalar secp256k1.ModNScalar
	if len(raw) > 32 || scalar.SetByteSlice(raw) || scalar.IsZero() {
		return nil, false
	}
	return secp256k1.NewPrivateKey(&scalar), true
}

// parsePublic reads a public key in base64.
func parsePublic(text string) (*secp256k1.PublicKey, error) {
	if len(text) > base64.StdEncoding.EncodedLen(maxPoint) {
		return nil, errPoint
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errPoint
	}
	public, rest, err := cutPoint(raw)
	if err != nil || len(rest) > 0 {
		return nil, errPoint
	}
	return public, nil
}

const maxPoint = 65 // bytes of a point with both its coordinates

var errPoint = errors.New("the public key is no point on the curve")

// cutPoint reads the point at the start of raw, in either of the forms that
// clients write.
func cutPoint(raw []byte) (public *secp256k1.PublicKey, rest []byte, err error) {
	size := 0
	if len(raw) > 0 {
		switch raw[0] {
		case 2, 3:
			size = 33
		case 4:
			size = maxPoint
		}
	}
	if size == 0 || len(raw) < size {
		return nil, nil, errPoint
	}
	if public, err = secp256k1.ParsePubKey(raw[:size]); err != nil {
		return nil, nil, errPoint
	}
	return public, raw[size:], nil
}

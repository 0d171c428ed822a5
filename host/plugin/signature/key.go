package signature

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
)

// pemType is that of private keys, as other tools write them too.
const pemType = "PRIVATE KEY"

// NewKey returns a new private key as PEM, which is to be kept secret, and its
// public key.
func NewKey() (secret []byte, public ed25519.PublicKey, err error) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der}), public, nil
}

// ParseKey reads a private key in PEM (PKCS #8).
func ParseKey(text []byte) (ed25519.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != pemType {
		return nil, fmt.Errorf("no %s in PEM; happn-host plugin keygen makes one", pemType)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, errors.New("the key is none of ed25519; happn-host plugin keygen makes one")
	}
	return private, nil
}

// FormatPublic writes a public key as configurations have it.
func FormatPublic(key ed25519.PublicKey) string { return base64.StdEncoding.EncodeToString(key) }

// ParsePublic reads what FormatPublic has written.
func ParsePublic(text string) (ed25519.PublicKey, error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != ed25519.PublicKeySize || FormatPublic(raw) != text { // line breaks are passed over
		return nil, errors.New("is no public key, which is 44 characters of base64, as happn-host plugin keygen prints it")
	}
	return raw, nil
}

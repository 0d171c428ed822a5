package signature

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

// version is the first byte of a signature section. The public key and the
// signature follow it.
const version = 1

// domain keeps a signature from counting for anything but a module.
const domain = "happn.signature 1\n"

// ErrInvalid says that a module is not what was signed.
var ErrInvalid = errors.New("its signature is not good: it was changed after it was signed")

// Sign returns the module with a signature by key, in place of any that it has.
func Sign(module []byte, key ed25519.PrivateKey) ([]byte, error) {
	signed, err := wasmbin.AppendCustom(module, abi.SignatureSection, nil)
	if err != nil {
		return nil, err
	}
	signed = signed[:len(signed)-len(section(nil))]
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		return nil, errors.New("the key is none of ed25519")
	}
	content := append([]byte{version}, public...)
	content = append(content, ed25519.Sign(key, message(signed))...)
	return append(signed, section(content)...), nil
}

// Signer returns the key that has signed a module, nil for a module without a
// signature. It fails with ErrInvalid, or because the signature makes no sense.
func Signer(module []byte) (ed25519.PublicKey, error) {
	m, err := wasmbin.Parse(module)
	if err != nil {
		return nil, err
	}
	content, found, err := m.Custom(abi.SignatureSection)
	if err != nil || !found {
		return nil, err
	}
	signed, last := bytes.CutSuffix(module, section(content))
	switch {
	case !last:
		return nil, fmt.Errorf("%w: something follows the signature", ErrInvalid)
	case len(content) == 0 || content[0] != version:
		return nil, errors.New("its signature is of a kind that this version does not know")
	case len(content) != 1+ed25519.PublicKeySize+ed25519.SignatureSize:
		return nil, fmt.Errorf("%w: the signature is %d bytes long", ErrInvalid, len(content))
	}
	key := ed25519.PublicKey(bytes.Clone(content[1 : 1+ed25519.PublicKeySize]))
	if !ed25519.Verify(key, message(signed), content[1+ed25519.PublicKeySize:]) {
		return nil, ErrInvalid
	}
	return key, nil
}

// message is what is signed for a module.
func message(signed []byte) []byte {
	sum := sha256.Sum256(signed)
	return append([]byte(domain), sum[:]...)
}

// section returns the custom section with this content.
func section(content []byte) []byte {
	body := wasmbin.AppendU32(nil, uint32(len(abi.SignatureSection)))
	body = append(append(body, abi.SignatureSection...), content...)
	return wasmbin.AppendSection(nil, wasmbin.SectionCustom, body)
}

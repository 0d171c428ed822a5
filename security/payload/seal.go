package payload

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
)

// ErrSealed is the error of a message that is not for this server, or was
// changed on the way. It does not say which.
var ErrSealed = errors.New("the encrypted message is not for the key of this server, or was changed on the way; " +
	"ask the server for its key with describe, and encrypt again")

// keys are what two parties encrypt and authenticate with.
type keys struct {
	encrypt cipher.Block
	mac     []byte
}

// agree derives the keys that the holders of the two private keys have in common.
func agree(private *secp256k1.PrivateKey, public *secp256k1.PublicKey) keys {
	both := sha512.Sum512(secp256k1.GenerateSharedSecret(private, public))
	block, err := aes.NewCipher(both[:32])
	if err != nil {
		panic(err) // 32 bytes are a key of AES
	}
	return keys{block, both[32:]}
}

func (k keys) sum(message []byte) []byte {
	mac := hmac.New(sha256.New, k.mac)
	mac.Write(message)
	return mac.Sum(nil)
}

// Seal encrypts a message to the holder of a public key in base64. The message
// begins with the server's own public key.
func (p *Pair) Seal(publicKey string, message []byte) ([]byte, error) {
	public, err := parsePublic(publicKey)
	if err != nil {
		return nil, err
	}
	k := agree(p.private, public)
	pad := aes.BlockSize - len(message)%aes.BlockSize
	point := p.private.PubKey().SerializeCompressed()
	sealed := make([]byte, len(point)+aes.BlockSize+len(message)+pad, len(point)+aes.BlockSize+len(message)+pad+sha256.Size)
	copy(sealed, point)
	body := sealed[len(point):]
	iv, text := body[:aes.BlockSize], body[aes.BlockSize:]
	_, _ = rand.Read(iv) // never fails, see its documentation
	copy(text, message)
	for i := len(message); i < len(text); i++ {
		text[i] = byte(pad)
	}
	cipher.NewCBCEncrypter(k.encrypt, iv).CryptBlocks(text, text)
	return append(sealed, k.sum(body)...), nil
}

// Open decrypts a message to the server, and returns with it the public key of
// the one who sent it, in base64: nobody else can have made the message, except
// the server itself. The sign of the point is not authenticated: what depends on
// the key must compare it with one that is, see SameKey.
func (p *Pair) Open(sealed []byte) (message []byte, sender string, err error) {
	public, rest, err := cutPoint(sealed)
	if err != nil || len(rest) < aes.BlockSize+aes.BlockSize+sha256.Size {
		return nil, "", ErrSealed
	}
	k := agree(p.private, public)
	body, sum := rest[:len(rest)-sha256.Size], rest[len(rest)-sha256.Size:]
	if !hmac.Equal(sum, k.sum(body)) {
		return nil, "", ErrSealed
	}
	text := body[aes.BlockSize:]
	if len(text)%aes.BlockSize != 0 {
		return nil, "", ErrSealed
	}
	message = make([]byte, len(text))
	cipher.NewCBCDecrypter(k.encrypt, body[:aes.BlockSize]).CryptBlocks(message, text)
	if message, err = unpad(message); err != nil {
		return nil, "", err
	}
	return message, base64.StdEncoding.EncodeToString(public.SerializeCompressed()), nil
}

// unpad takes the padding off a message. Its time may tell what the padding is:
// the message was authenticated before.
func unpad(message []byte) ([]byte, error) {
	pad := int(message[len(message)-1])
	if pad == 0 || pad > aes.BlockSize {
		return nil, ErrSealed
	}
	for _, b := range message[len(message)-pad:] {
		if int(b) != pad {
			return nil, ErrSealed
		}
	}
	return message[:len(message)-pad], nil
}

// SameKey reports whether two texts are the same public key.
func SameKey(a, b string) bool {
	first, err := parsePublic(a)
	if err != nil {
		return false
	}
	second, err := parsePublic(b)
	return err == nil && first.IsEqual(second)
}

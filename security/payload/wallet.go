package payload

import (
	"bytes"
	"crypto/sha256"
	"math/big"
	"strings"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
)

const (
	walletDigits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	maxWallet    = 64 // digits; a key has 52
	walletSum    = 4  // bytes of the checksum
)

// importWallet reads a private key in the wallet import format: a byte for the
// network, 32 for the key, perhaps a 1, and a checksum, in base 58.
func importWallet(text string) (*secp256k1.PrivateKey, bool) {
	if len(text) > maxWallet {
		return nil, false
	}
	number, base := new(big.Int), big.NewInt(int64(len(walletDigits)))
	for _, c := range []byte(text) {
		digit := strings.IndexByte(walletDigits, c)
		if digit < 0 {
			return nil, false
		}
		number.Add(number.Mul(number, base), big.NewInt(int64(digit)))
	}
	raw := number.Bytes() // no leading zeros are lost: no network has the number 0
	if len(raw) < 1+32+walletSum {
		return nil, false
	}
	body, sum := raw[:len(raw)-walletSum], raw[len(raw)-walletSum:]
	once := sha256.Sum256(body)
	twice := sha256.Sum256(once[:])
	if !bytes.Equal(sum, twice[:walletSum]) {
		return nil, false
	}
	if key := body[1:]; len(key) == 32 || len(key) == 33 && key[32] == 1 {
		return privateKey(key[:32])
	}
	return nil, false
}

package jobs

import (
	"crypto/sha256"
	"encoding/binary"
)

// Hash returns the beginning of the input's SHA-256.
func Hash(input []byte) uint64 {
	sum := sha256.Sum256(input)
	return binary.BigEndian.Uint64(sum[:])
}

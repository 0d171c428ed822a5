package password

import (
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// ErrFormat is wrapped by errors about a stored hash that cannot be read.
var ErrFormat = errors.New("the stored password hash cannot be read; set the user's password anew")

// stored is a hash as it lies in the database, taken apart.
type stored struct {
	algorithm Algorithm
	digest    string // of PBKDF2
	rounds    int    // iterations, or passes
	memory    int    // KiB
	lanes     uint8  // of Argon2id
	salt, key []byte
}

const (
	maxText  = 2048 // bytes of a stored hash
	minKey   = 16   // bytes
	maxKey   = 512
	maxSalt  = 512
	ourSalt  = 64 // of PBKDF2, as in happn-3
	ourKey   = 64
	argonKey = 32
)

func parse(text string) (stored, error) {
	if len(text) > maxText {
		return stored{}, fmt.Errorf("%d bytes: %w", len(text), ErrFormat)
	}
	s, err := parseAny(text)
	if err != nil {
		return s, err
	}
	if len(s.key) < minKey || len(s.key) > maxKey || len(s.salt) > maxSalt {
		return s, fmt.Errorf("its key or salt has an odd length: %w", ErrFormat)
	}
	return s, nil
}

func parseAny(text string) (stored, error) {
	switch {
	case strings.HasPrefix(text, "pbkdf2$"):
		return parsePBKDF2(strings.Split(text, "$"))
	case strings.HasPrefix(text, "$argon2id$"):
		return parseArgon(strings.Split(text, "$"))
	}
	return stored{}, fmt.Errorf("unknown algorithm: %w", ErrFormat)
}

func parsePBKDF2(parts []string) (stored, error) {
	s := stored{algorithm: PBKDF2, digest: "sha1"} // what happn-3 once wrote has no digest
	if len(parts) != 4 && len(parts) != 5 {
		return s, fmt.Errorf("%d parts: %w", len(parts), ErrFormat)
	}
	if len(parts) == 5 && parts[4] != "" {
		s.digest = parts[4]
	}
	if digestOf(s.digest) == nil {
		return s, fmt.Errorf("unknown digest: %w", ErrFormat)
	}
	var err error
	if s.rounds, err = strconv.Atoi(parts[1]); err != nil || s.rounds < 1 || s.rounds > maxIterations {
		return s, fmt.Errorf("odd number of iterations: %w", ErrFormat)
	}
	s.key, err = hex.DecodeString(parts[2])
	if err == nil {
		s.salt, err = hex.DecodeString(parts[3])
	}
	if err != nil {
		return s, fmt.Errorf("no hexadecimal digits: %w", ErrFormat)
	}
	return s, nil
}

// parseArgon reads $argon2id$v=19$m=19456,t=2,p=1$<salt>$<key>.
func parseArgon(parts []string) (stored, error) {
	s := stored{algorithm: Argon2id}
	if len(parts) != 6 || parts[2] != "v=19" {
		return s, fmt.Errorf("unknown version: %w", ErrFormat)
	}
	var lanes int
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &s.memory, &s.rounds, &lanes); n != 3 || err != nil {
		return s, fmt.Errorf("odd parameters: %w", ErrFormat)
	}
	if s.memory < 8 || s.memory > maxMemory || s.rounds < 1 || s.rounds > maxPasses || lanes < 1 || lanes > 64 {
		return s, fmt.Errorf("parameters out of bounds: %w", ErrFormat)
	}
	s.lanes = uint8(lanes)
	var err error
	if s.salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err == nil {
		s.key, err = base64.RawStdEncoding.DecodeString(parts[5])
	}
	if err != nil {
		return s, fmt.Errorf("no base64: %w", ErrFormat)
	}
	return s, nil
}

// String is the text that is stored.
func (s stored) String() string {
	if s.algorithm == Argon2id {
		return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", s.memory, s.rounds, s.lanes,
			base64.RawStdEncoding.EncodeToString(s.salt), base64.RawStdEncoding.EncodeToString(s.key))
	}
	return "pbkdf2$" + strconv.Itoa(s.rounds) + "$" + hex.EncodeToString(s.key) + "$" + hex.EncodeToString(s.salt) + "$" + s.digest
}

// derive computes the key of a password with the salt and cost of s.
func (s stored) derive(password string) ([]byte, error) {
	if s.algorithm == Argon2id {
		return argon2.IDKey([]byte(password), s.salt, uint32(s.rounds), uint32(s.memory), s.lanes, uint32(len(s.key))), nil
	}
	return pbkdf2.Key(digestOf(s.digest), password, s.salt, s.rounds, len(s.key))
}

func (s stored) work() Work {
	if s.algorithm == Argon2id {
		return Work{Argon2id, s.rounds * s.memory}
	}
	return Work{PBKDF2, s.rounds}
}

func digestOf(name string) func() hash.Hash {
	switch name {
	case "sha1":
		return sha1.New
	case "sha256":
		return sha256.New
	case "sha512":
		return sha512.New
	}
	return nil
}

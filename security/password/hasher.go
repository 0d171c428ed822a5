package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
)

// Hasher hashes and checks passwords. It is safe for concurrent use.
type Hasher struct {
	options Options
	gate    *Gate
}

// New returns a Hasher, or says what is wrong with the options.
func New(o Options) (*Hasher, error) {
	o, err := o.ensureDefaults()
	if err != nil {
		return nil, err
	}
	return &Hasher{options: o, gate: NewGate(o.Workers, o.Queue, o.Timeout)}, nil
}

// Gate is where callers wait; for metrics.
func (h *Hasher) Gate() *Gate { return h.gate }

// Hash returns the text to store for a password. It waits for its turn, and
// fails with ErrBusy if that does not come.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	if password == "" || len(password) > MaxBytes {
		return "", fmt.Errorf("a password has from 1 to %d bytes, this one %d; choose another", MaxBytes, len(password))
	}
	s := h.fresh()
	var key []byte
	err := h.run(ctx, func() (err error) {
		key, err = h.derive(s, password)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	s.key = key
	return s.String(), nil
}

// Verify reports whether a password is the one that was hashed, and whether it
// should be hashed anew because the stored text is weaker than configured. An
// error says that it could not be checked.
//
// An empty or unreadable hash, for a user who is not there or has no password,
// never verifies and costs what a wrong password costs; so does a wrong
// password against a hash that is cheaper than the configured one. Time does
// not tell which names exist.
func (h *Hasher) Verify(ctx context.Context, hash, password string) (ok, rehash bool, err error) {
	var s stored
	known := false
	if hash != "" && password != "" && len(password) <= MaxBytes {
		s, err = parse(hash)
		known = err == nil
	}
	unreadable := err
	err = h.run(ctx, func() (err error) {
		if known {
			ok, err = h.matches(s, password)
		}
		if err == nil && !ok {
			err = h.makeUpFor(s, known)
		}
		return err
	})
	if err != nil {
		return false, false, fmt.Errorf("check a password: %w", err)
	}
	if unreadable != nil {
		return false, false, fmt.Errorf("check a password: %w", unreadable)
	}
	return ok, ok && h.weaker(s), nil
}

func (h *Hasher) run(ctx context.Context, work func() error) error {
	var err error
	if busy := h.gate.Do(ctx, func() { err = work() }); busy != nil {
		return busy
	}
	return err
}

func (h *Hasher) matches(s stored, password string) (bool, error) {
	key, err := h.derive(s, password)
	return err == nil && subtle.ConstantTimeCompare(key, s.key) == 1, err
}

// makeUpFor spends what a check against a hash of the configured cost would
// have cost more than the check that was made, if there was one.
func (h *Hasher) makeUpFor(s stored, checked bool) error {
	missing := h.fresh()
	if checked && !h.weaker(s) {
		return nil
	}
	if checked && missing.algorithm == PBKDF2 && s.algorithm == PBKDF2 && s.digest == missing.digest {
		missing.rounds -= s.rounds
	}
	_, err := h.derive(missing, "no password")
	return err
}

// derive is where all hashing happens.
func (h *Hasher) derive(s stored, password string) ([]byte, error) {
	if h.options.OnWork != nil {
		h.options.OnWork(s.work())
	}
	return s.derive(password)
}

// fresh is a hash with a new salt and the configured cost; its key has the
// right length and no content.
func (h *Hasher) fresh() stored {
	s := stored{algorithm: h.options.Algorithm}
	if s.algorithm == Argon2id {
		s.rounds, s.memory, s.lanes = h.options.Passes, h.options.Memory, 1
		s.salt, s.key = make([]byte, 16), make([]byte, argonKey)
	} else {
		s.digest, s.rounds = "sha512", h.options.Iterations
		s.salt, s.key = make([]byte, ourSalt), make([]byte, ourKey)
	}
	_, _ = rand.Read(s.salt) // never fails, see its documentation
	return s
}

// weaker reports whether a stored hash is cheaper to guess than one made now.
func (h *Hasher) weaker(s stored) bool {
	now := h.fresh()
	if now.algorithm != s.algorithm {
		return now.algorithm == Argon2id
	}
	if s.algorithm == Argon2id {
		return s.memory < now.memory || s.rounds < now.rounds
	}
	return s.digest != now.digest || s.rounds < now.rounds
}

package token

import "sync"

const (
	maxVerified      = 2048    // tokens of each generation that are remembered
	maxVerifiedBytes = 4 << 10 // of one that is
)

// verified remembers tokens whose signature was found good, and what they say:
// at most two generations of them, of which the older one goes when the newer one
// is full. Only good tokens come in, so nobody without keys can fill it. The zero
// value is empty and ready to use.
type verified struct {
	mu           sync.RWMutex
	newer, older map[string]verifiedToken
}

type verifiedToken struct {
	claims Claims
	signer *key
	ring   *keys // in which the signer was found
}

// get returns a copy of the claims, nil unless the signer's key is still in use.
func (v *verified) get(token string, ring *keys, now int64) *Claims {
	v.mu.RLock()
	found, ok := v.newer[token]
	aged := false
	if !ok {
		found, ok = v.older[token]
		aged = ok
	}
	v.mu.RUnlock()
	if !ok || found.ring != ring || !found.signer.accepted(now) {
		return nil
	}
	if aged {
		v.put(token, found)
	}
	return &found.claims
}

func (v *verified) put(token string, t verifiedToken) {
	if len(token) > maxVerifiedBytes {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.newer) >= maxVerified {
		v.newer, v.older = nil, v.newer
	}
	if v.newer == nil {
		v.newer = make(map[string]verifiedToken)
	}
	v.newer[string([]byte(token))] = t // a copy: the text may be a part of a large frame
}

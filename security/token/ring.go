package token

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/security/durable"
)

// Path is where the keys are stored. The member "secret" is the newest one, and
// the only one that happn-3 knows.
const Path = "/_SYSTEM/_SECURITY/SESSION_TOKEN_SECRET"

const (
	minSecret = 32 // bytes of a configured secret: what HS256 asks for
	minStored = 16 // bytes of one that happn-3 has stored
	maxKeys   = 16
)

// Options is how a ring is opened.
type Options struct {
	// Secret is a secret to use in place of the stored keys, which it
	// replaces; it must have at least 32 bytes. "" keeps the stored ones.
	Secret string
	// CompatTokens accepts the tokens of happn-3 servers that use one of the
	// keys.
	CompatTokens bool
	// Now is the clock, nil is time.Now.
	Now func() time.Time
}

// Ring signs with its newest key, and accepts what others have signed until
// they retire. It is safe for concurrent use; reading tokens takes no lock.
type Ring struct {
	options Options
	store   datastore.Store
	keys    atomic.Pointer[[]*key] // newest first, never empty

	changing sync.Mutex // one rotation at a time
}

type key struct {
	id      string
	secret  []byte
	created int64 // Unix time in ms, 0 when it is not known
	retires int64 // Unix time in ms, 0 for one that signs
	header  string
}

func newKey(secret string, created, retires int64) *key {
	k := &key{secret: []byte(secret), created: created, retires: retires}
	mac := hmac.New(sha256.New, k.secret)
	mac.Write([]byte("name of this key"))
	k.id = encoding.EncodeToString(mac.Sum(nil)[:9])
	k.header = encoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT","kid":"` + k.id + `"}`))
	return k
}

func (k *key) accepted(now int64) bool { return k.retires == 0 || now < k.retires }

// record is the stored document.
type record struct {
	Secret string      `json:"secret"`
	Keys   []recordKey `json:"keys,omitempty"` // newest first
}

type recordKey struct {
	Secret  string `json:"secret"`
	Created int64  `json:"created,omitempty"`
	Retires int64  `json:"retires,omitempty"`
}

// Open loads the keys from the store, and makes one where there is none.
func Open(ctx context.Context, store datastore.Store, o Options) (*Ring, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Secret != "" && len(o.Secret) < minSecret {
		return nil, fmt.Errorf("the configured token secret has %d bytes and could be guessed: use at least %d random ones, or none to let the server choose", len(o.Secret), minSecret)
	}
	r := &Ring{options: o, store: store}
	if err := r.Reload(ctx); err != nil {
		return nil, err
	}
	keys := *r.keys.Load()
	switch {
	case o.Secret != "" && (len(keys) == 0 || string(keys[0].secret) != o.Secret):
		keys = []*key{newKey(o.Secret, o.Now().UnixMilli(), 0)}
	case len(keys) == 0:
		keys = []*key{newKey(freshSecret(), o.Now().UnixMilli(), 0)}
	default:
		return r, nil
	}
	return r, r.save(ctx, keys)
}

// freshSecret has 256 random bits.
func freshSecret() string { return rand.Text() + rand.Text() }

// Reload reads the keys from the store again, after another server that shares
// it has changed them.
func (r *Ring) Reload(ctx context.Context) error {
	doc, err := r.store.Get(ctx, []byte(Path))
	if err != nil {
		return fmt.Errorf("load the keys of session tokens: %w", err)
	}
	keys, err := decode(doc)
	if err != nil {
		return err
	}
	if len(keys) > 0 || r.keys.Load() == nil {
		r.keys.Store(&keys)
	}
	return nil
}

func decode(doc *datastore.Document) ([]*key, error) {
	if doc == nil {
		return nil, nil
	}
	var stored record
	if err := json.Unmarshal(doc.Data, &stored); err != nil {
		return nil, errors.New("the keys of session tokens at " + Path + " cannot be read; restore a backup, or remove the document to end all sessions")
	}
	var keys []*key
	for _, k := range stored.Keys {
		if len(k.Secret) >= minStored && len(keys) < maxKeys {
			keys = append(keys, newKey(k.Secret, k.Created, k.Retires))
		}
	}
	// happn-3 writes "secret" only: what it has changed is the newest.
	if len(stored.Secret) >= minStored && (len(keys) == 0 || string(keys[0].secret) != stored.Secret) {
		keys = []*key{newKey(stored.Secret, 0, 0)}
	}
	if len(keys) > 0 {
		keys[0].retires = 0
	}
	return keys, nil
}

// save stores the keys, then uses them: a token must not outlive its key.
func (r *Ring) save(ctx context.Context, keys []*key) error {
	stored := record{Secret: string(keys[0].secret)}
	for _, k := range keys {
		stored.Keys = append(stored.Keys, recordKey{string(k.secret), k.created, k.retires})
	}
	raw, err := json.Marshal(stored)
	if err != nil {
		return fmt.Errorf("store the keys of session tokens: %w", err)
	}
	if _, err := durable.Put(ctx, r.store, Path, raw, r.options.Now()); err != nil {
		return fmt.Errorf("store the keys of session tokens: %w", err)
	}
	r.keys.Store(&keys)
	return nil
}

// Rotate makes a new key, which signs from now on. Tokens that were signed
// before are accepted for the time of grace; 0 ends them at once.
func (r *Ring) Rotate(ctx context.Context, grace time.Duration) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	now := r.options.Now().UnixMilli()
	next := []*key{newKey(freshSecret(), now, 0)}
	for _, k := range *r.keys.Load() {
		retiring := *k
		if retiring.retires == 0 {
			retiring.retires = now + grace.Milliseconds()
		}
		if retiring.accepted(now) && len(next) < maxKeys {
			next = append(next, &retiring)
		}
	}
	return r.save(ctx, next)
}

func (r *Ring) newest() *key { return (*r.keys.Load())[0] }

// KeyIDs are the names of the keys that are accepted now, newest first.
func (r *Ring) KeyIDs() []string {
	now := r.options.Now().UnixMilli()
	var ids []string
	for _, k := range *r.keys.Load() {
		if k.accepted(now) {
			ids = append(ids, k.id)
		}
	}
	return slices.Clip(ids)
}

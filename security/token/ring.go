package token

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/security/durable"
)

// Path is where the keys are stored. The member "secret" is the newest one, and
// the only one that happn-3 knows.
const Path = "/_SYSTEM/_SECURITY/SESSION_TOKEN_SECRET"

// minSecret is how many bytes a configured secret must have: what HS256 asks for.
const minSecret = 32

// Options is how a ring is opened.
type Options struct {
	// Secret is a secret to use in place of the stored keys, which it
	// replaces; it must have at least 32 bytes. "" keeps the stored ones. A
	// ring with a secret does not rotate.
	Secret string
	// CompatTokens accepts the tokens of happn-3 servers that use one of the
	// keys.
	CompatTokens bool
	// Lead is the time from storing a new key to signing with it, in which other
	// servers with the same store take it in (see Maintain). 0 signs at once.
	Lead time.Duration
	// Now is the clock, nil is time.Now.
	Now func() time.Time
}

// Ring signs with its newest key, and accepts what others have signed until
// they retire. It is safe for concurrent use.
type Ring struct {
	options Options
	store   datastore.Store
	keys    atomic.Pointer[keys]

	verified verified

	changing sync.Mutex // one change at a time
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
	now := o.Now().UnixMilli()
	switch loaded := r.keys.Load(); {
	case o.Secret != "" && string(loaded.newest()) != o.Secret:
		return r, r.save(ctx, &keys{list: []*key{newKey(o.Secret, now)}, change: loaded.change})
	case len(loaded.list) == 0:
		return r, r.first(ctx, &keys{list: []*key{newKey(freshSecret(), now)}})
	}
	return r, nil
}

// first stores the keys where there are none, or takes those of a server that
// was quicker.
func (r *Ring) first(ctx context.Context, k *keys) error {
	raw, err := k.encode()
	if err == nil {
		err = durable.Insert(ctx, r.store, Path, raw, r.options.Now())
	}
	switch {
	case err == nil:
		k.raw = raw
		r.keys.Store(k)
		return nil
	case !errors.Is(err, datastore.ErrExists):
		return fmt.Errorf("store the keys of session tokens: %w", err)
	}
	if err := r.Reload(ctx); err != nil {
		return err
	}
	if len(r.keys.Load().list) == 0 { // what is there has no key that is good enough
		return r.save(ctx, k)
	}
	return nil
}

// Reload reads the keys from the store again, after another server that shares
// it has changed them.
func (r *Ring) Reload(ctx context.Context) error {
	doc, err := r.store.Get(ctx, []byte(Path))
	if err != nil {
		return fmt.Errorf("load the keys of session tokens: %w", err)
	}
	before := r.keys.Load()
	if before != nil && doc != nil && bytes.Equal(before.raw, doc.Data) {
		return nil
	}
	loaded, err := decode(doc)
	if err != nil {
		return err
	}
	if len(loaded.list) > 0 || before == nil {
		r.keys.Store(loaded)
	}
	return nil
}

// save stores the keys, then uses them: a token must not outlive its key.
func (r *Ring) save(ctx context.Context, k *keys) error {
	raw, err := k.encode()
	if err == nil {
		_, err = durable.Put(ctx, r.store, Path, raw, r.options.Now())
	}
	if err != nil {
		return fmt.Errorf("store the keys of session tokens: %w", err)
	}
	k.raw = raw
	r.keys.Store(k)
	return nil
}

// signing returns the key that signs at a time.
func (r *Ring) signing(now int64) *key {
	list := r.keys.Load().list
	for _, k := range list {
		if k.from <= now && k.accepted(now) {
			return k
		}
	}
	return list[0]
}

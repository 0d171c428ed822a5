package token

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/security/durable"
)

// Never is a time of grace that does not end.
const Never time.Duration = -1

// Rotation is when a ring changes its keys by itself.
type Rotation struct {
	Every time.Duration // that a key signs for; 0 replaces keys only when told
	Grace time.Duration // see Rotate
}

// Errors of a change of keys.
var (
	// ErrSecretConfigured is the answer of a ring that has a configured secret.
	ErrSecretConfigured = errors.New("the secret of session tokens is configured: change it there, or leave it out to let the server rotate keys")
	// ErrChanging is the answer while another server changes the keys.
	ErrChanging = errors.New("another server with the same store is changing the keys of session tokens; try again in a minute")
)

// Rotate makes a new key, which signs from now on, or after the ring's Lead.
// Tokens of the older ones are accepted for the time of grace after that, Never
// ends only with the sixteenth key after theirs; 0 ends them, and begins, at once.
func (r *Ring) Rotate(ctx context.Context, grace time.Duration) error {
	lead := r.options.Lead
	if grace == 0 {
		lead = 0
	}
	return r.change(ctx, func(k *keys, now int64) []*key { return rotated(k, now, lead, grace) })
}

// Maintain takes in what another server has changed, replaces a key that has
// signed for long enough, and removes those that have retired. Call it several
// times in the ring's Lead: what is signed by a key of which the ring has not
// heard is refused. It reports whether there is a new key of its making.
func (r *Ring) Maintain(ctx context.Context, when Rotation) (made bool, err error) {
	if err := r.Reload(ctx); err != nil {
		return false, err
	}
	edit := func(k *keys, now int64) []*key {
		if r.options.Secret == "" && due(k, now, when.Every) {
			made = true
			return rotated(k, now, r.options.Lead, when.Grace)
		}
		return withoutRetired(k, now)
	}
	if edit(r.keys.Load(), r.options.Now().UnixMilli()) == nil {
		return false, nil
	}
	made = false
	if err = r.edit(ctx, edit); errors.Is(err, ErrChanging) {
		return false, nil // by whoever was quicker
	}
	return made && err == nil, err
}

func due(k *keys, now int64, every time.Duration) bool {
	return every > 0 && len(k.list) > 0 && now-k.list[0].from >= every.Milliseconds()
}

// rotated returns the keys with a new one.
func rotated(k *keys, now int64, lead, grace time.Duration) []*key {
	fresh := newKey(freshSecret(), now)
	fresh.from += lead.Milliseconds()
	list := []*key{fresh}
	for _, one := range k.list {
		retiring := *one
		if retiring.retires == 0 && grace >= 0 {
			retiring.retires = fresh.from + grace.Milliseconds()
		}
		if grace == 0 {
			retiring.retires = now
		}
		if retiring.accepted(now) && len(list) < maxKeys {
			list = append(list, &retiring)
		}
	}
	return list
}

// withoutRetired returns the keys that are still accepted, nil if all are.
func withoutRetired(k *keys, now int64) []*key {
	var list []*key
	for _, one := range k.list {
		if one.accepted(now) {
			list = append(list, one)
		}
	}
	if len(list) == len(k.list) {
		return nil
	}
	return list
}

// change is edit for those who want a change for certain.
func (r *Ring) change(ctx context.Context, edit func(k *keys, now int64) []*key) error {
	if r.options.Secret != "" {
		return ErrSecretConfigured
	}
	return r.edit(ctx, edit)
}

// edit stores what edit makes of the keys, unless it makes nil. Servers that
// share the store do so one after the other, each from what the last one left:
// a change has the number after the one before, and is for whoever first stores
// a document with its number. One whose server has ended gives way to the next
// number after claimFor.
func (r *Ring) edit(ctx context.Context, edit func(k *keys, now int64) []*key) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	ctx = context.WithoutCancel(ctx) // what is begun is seen through
	if err := r.Reload(ctx); err != nil {
		return err
	}
	first := r.keys.Load().change + 1
	number, err := r.claim(ctx, first)
	if err != nil {
		return err
	}
	err = r.carryOut(ctx, number, edit)
	for n := first; n <= number; n++ {
		if _, failed := durable.Remove(ctx, r.store, claimPath(n)); err == nil && failed != nil {
			err = fmt.Errorf("tidy up after a change of the keys of session tokens: %w", failed)
		}
	}
	return err
}

func (r *Ring) carryOut(ctx context.Context, number int64, edit func(k *keys, now int64) []*key) error {
	if err := r.Reload(ctx); err != nil {
		return err
	}
	k := r.keys.Load()
	if k.change >= number {
		return ErrChanging // it has changed them between the first look and the claim
	}
	list := edit(k, r.options.Now().UnixMilli())
	if list == nil {
		return nil
	}
	return r.save(ctx, &keys{list: list, change: number})
}

const (
	claimFor  = time.Minute // longer than a change takes, clocks that differ included
	maxClaims = 100         // of servers that ended before they had carried out theirs
)

func claimPath(number int64) string { return Path + "/CHANGE/" + strconv.FormatInt(number, 10) }

// claim returns the number of a change that is this server's to make.
func (r *Ring) claim(ctx context.Context, first int64) (number int64, err error) {
	for number = first; number < first+maxClaims; number++ {
		now := r.options.Now()
		err = durable.Insert(ctx, r.store, claimPath(number), []byte("{}"), now)
		if err == nil {
			return number, nil
		}
		if !errors.Is(err, datastore.ErrExists) {
			break
		}
		doc, failed := r.store.Get(ctx, []byte(claimPath(number)))
		if failed != nil {
			err = failed
			break
		}
		if doc == nil || now.UnixMilli()-doc.Created < claimFor.Milliseconds() {
			return 0, ErrChanging
		}
	}
	return 0, fmt.Errorf("begin a change of the keys of session tokens: %w", err)
}

package login

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/security/durable"
)

// revokedPrefix is where happn-3 keeps revoked tokens, by their text.
const revokedPrefix = "/_SYSTEM/_CACHE/cache_revoked_tokens/"

// Revocation is a token that serves no longer. Its JSON shows which one, and not
// the token itself: restored, it would serve whoever has read it.
type Revocation struct {
	ID        string `json:"id"` // names the token, see RevocationID
	Token     string `json:"-"`
	Username  string `json:"username,omitempty"`  // "" if no key that is in use has signed it
	SessionID string `json:"sessionId,omitempty"` // for which it was made
	Reason    string `json:"reason"`
	Timestamp int64  `json:"timestamp"` // Unix time in ms
	TTL       int64  `json:"ttl"`       // ms that it is remembered; 0 is for ever
}

// RevocationID names a token to those who are not to have it.
func RevocationID(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:10])
}

func (r *Revocation) over(now int64) bool { return r.TTL > 0 && now-r.Timestamp > r.TTL }

// revocations are kept in memory and in the store. Asking takes no lock.
type revocations struct {
	store datastore.Store
	now   func() time.Time
	count atomic.Int64
	all   sync.Map // of *Revocation by token

	mu    sync.Mutex // changes, and swept
	swept int64      // when those that are over were removed, Unix time in ms
}

func newRevocations(store datastore.Store, now func() time.Time) *revocations {
	return &revocations{store: store, now: now}
}

// has reports whether a token is revoked. Without any revocation it costs a
// comparison.
func (r *revocations) has(token string) bool {
	if r.count.Load() == 0 {
		return false
	}
	found, ok := r.all.Load(token)
	return ok && !found.(*Revocation).over(r.now().UnixMilli())
}

func (r *revocations) put(entry *Revocation) {
	if _, there := r.all.Swap(entry.Token, entry); !there {
		r.count.Add(1)
	}
}

func (r *revocations) drop(token string) {
	if _, there := r.all.LoadAndDelete(token); there {
		r.count.Add(-1)
	}
}

// cached is a document of happn-3's cache service.
type cached[T any] struct {
	Data    T      `json:"data"`
	Key     string `json:"key"`
	TTL     int64  `json:"ttl"`
	NoClone bool   `json:"noclone"`
}

type revokedData struct {
	Reason    string `json:"reason"`
	Timestamp int64  `json:"timestamp"`
	TTL       int64  `json:"ttl"`
}

// load reads what the store has.
func (r *revocations) load(ctx context.Context) error {
	var odd error
	err := r.store.Find(ctx, &datastore.Query{Pattern: []byte(revokedPrefix + "*")}, func(doc *datastore.Document) bool {
		odd = r.observe(doc.Path, doc)
		return odd == nil
	})
	if err = errors.Join(err, odd); err != nil {
		return fmt.Errorf("load the revoked tokens: %w", err)
	}
	return nil
}

// reload is load while others use the revocations.
func (r *revocations) reload(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.load(ctx)
}

// observe takes over what a document says, or that there is none.
func (r *revocations) observe(path string, doc *datastore.Document) error {
	token, ok := strings.CutPrefix(path, revokedPrefix)
	if !ok || token == "" {
		return nil
	}
	if doc == nil {
		r.drop(token)
		return nil
	}
	var c cached[json.RawMessage]
	var d revokedData
	if err := json.Unmarshal(doc.Data, &c); err != nil {
		return fmt.Errorf("%.200s is no revocation; restore a backup or remove it: %w", path, err)
	}
	// What else can be read in it or not: the token stays revoked.
	_ = json.Unmarshal(c.Data, &d)
	entry := &Revocation{Token: token, Reason: d.Reason, Timestamp: d.Timestamp, TTL: d.TTL}
	if entry.Timestamp <= 0 {
		entry.Timestamp = doc.Modified
	}
	if !entry.over(r.now().UnixMilli()) {
		r.put(entry)
	}
	return nil
}

// add revokes a token, at once and in the store.
func (r *revocations) add(ctx context.Context, entry *Revocation) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.put(entry) // whatever becomes of the store
	raw, err := json.Marshal(cached[revokedData]{Data: revokedData{entry.Reason, entry.Timestamp, entry.TTL}, Key: entry.Token, TTL: entry.TTL})
	if err == nil {
		_, err = durable.Put(ctx, r.store, revokedPrefix+entry.Token, raw, r.now())
	}
	if err != nil {
		return fmt.Errorf("the token is revoked until this server ends, but that could not be stored: %w", err)
	}
	return r.sweep(ctx)
}

// sweepEvery is how often, at most, those that are over are looked for: in ms.
const sweepEvery = 60_000

// sweep removes revocations that are over.
func (r *revocations) sweep(ctx context.Context) error {
	now := r.now().UnixMilli()
	if now-r.swept < sweepEvery {
		return nil
	}
	r.swept = now
	var err error
	r.all.Range(func(_, value any) bool {
		if entry := value.(*Revocation); entry.over(now) {
			if _, err = durable.Remove(ctx, r.store, revokedPrefix+entry.Token); err == nil {
				r.drop(entry.Token)
			}
		}
		return err == nil
	})
	if err != nil {
		return fmt.Errorf("remove revocations that are over: %w", err)
	}
	return nil
}

// remove lets a token serve again. It is good again when the store knows.
func (r *revocations) remove(ctx context.Context, token string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := durable.Remove(ctx, r.store, revokedPrefix+token); err != nil {
		return fmt.Errorf("restore a token: %w", err)
	}
	r.drop(token)
	return nil
}

func (r *revocations) list() (all []Revocation) {
	now := r.now().UnixMilli()
	r.all.Range(func(_, value any) bool {
		if entry := value.(*Revocation); !entry.over(now) {
			all = append(all, *entry)
		}
		return true
	})
	return all
}

// named returns the token that an id names.
func (r *revocations) named(id string) (token string, ok bool) {
	r.all.Range(func(key, _ any) bool {
		token = key.(string)
		ok = RevocationID(token) == id
		return !ok
	})
	return token, ok
}

// boundedTTL is how long a token has to be remembered: as long as some policy of
// it lets it serve.
func boundedTTL(a, b int64) int64 {
	if a <= 0 || b <= 0 {
		return 0
	}
	return min(max(a, b), math.MaxInt64/2)
}

package token

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"

	"github.com/happn-host/happn-host/datastore"
)

const (
	minStored = 16 // bytes of a secret that happn-3 has stored
	maxKeys   = 16
)

// keys are the keys at one moment, as they are stored. They are immutable.
type keys struct {
	list   []*key // newest first; empty only before there are any
	change int64  // number of the change that made them
	raw    []byte // document
}

type key struct {
	id      string
	secret  []byte
	created int64 // Unix time in ms
	from    int64 // Unix time in ms when it begins to sign
	retires int64 // Unix time in ms; 0 is never
	header  string
}

func newKey(secret string, created int64) *key {
	k := &key{secret: []byte(secret), created: created, from: created}
	mac := hmac.New(sha256.New, k.secret)
	mac.Write([]byte("name of this key"))
	k.id = encoding.EncodeToString(mac.Sum(nil)[:9])
	k.header = encoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT","kid":"` + k.id + `"}`))
	return k
}

// freshSecret has 256 random bits.
func freshSecret() string { return rand.Text() + rand.Text() }

func (k *key) accepted(now int64) bool { return k.retires == 0 || now < k.retires }

// newest returns the secret of the newest key, nil if there is none.
func (k *keys) newest() []byte {
	if len(k.list) == 0 {
		return nil
	}
	return k.list[0].secret
}

// record is the stored document.
type record struct {
	Secret string      `json:"secret"`
	Keys   []recordKey `json:"keys,omitempty"` // newest first
	Change int64       `json:"change,omitempty"`
}

type recordKey struct {
	Secret  string `json:"secret"`
	Created int64  `json:"created,omitempty"`
	From    int64  `json:"from,omitempty"`
	Retires int64  `json:"retires,omitempty"`
}

func (k *keys) encode() ([]byte, error) {
	stored := record{Secret: string(k.newest()), Change: k.change}
	for _, one := range k.list {
		stored.Keys = append(stored.Keys, recordKey{string(one.secret), one.created, one.from, one.retires})
	}
	return json.Marshal(stored)
}

func decode(doc *datastore.Document) (*keys, error) {
	if doc == nil {
		return &keys{}, nil
	}
	var stored record
	if err := json.Unmarshal(doc.Data, &stored); err != nil {
		return nil, errors.New("the keys of session tokens at " + Path + " cannot be read; restore a backup, or remove the document to end all sessions")
	}
	k := &keys{change: stored.Change, raw: append([]byte(nil), doc.Data...)}
	for _, one := range stored.Keys {
		if len(one.Secret) < minStored || len(k.list) == maxKeys {
			continue
		}
		if one.Created <= 0 {
			one.Created = doc.Modified
		}
		loaded := newKey(one.Secret, one.Created)
		loaded.from, loaded.retires = max(one.From, one.Created), one.Retires
		k.list = append(k.list, loaded)
	}
	// happn-3 writes "secret" only: what it has changed is the newest.
	if len(stored.Secret) >= minStored && string(k.newest()) != stored.Secret {
		k.list = []*key{newKey(stored.Secret, doc.Modified)}
	}
	if len(k.list) > 0 {
		k.list[0].retires = 0
	}
	return k, nil
}

// Key describes a key of a ring. It does not show its secret.
type Key struct {
	ID      string `json:"id"`                // the kid in the header of its tokens
	Created int64  `json:"created"`           // Unix time in ms
	From    int64  `json:"from"`              // when it begins or began to sign, Unix time in ms
	Retires int64  `json:"retires,omitempty"` // when its tokens end, Unix time in ms; 0 is never
	Signs   bool   `json:"signs"`             // new tokens
}

// Keys returns the keys whose tokens are accepted now, newest first.
func (r *Ring) Keys() []Key {
	now := r.options.Now().UnixMilli()
	signing := r.signing(now)
	var all []Key
	for _, k := range r.keys.Load().list {
		if k.accepted(now) {
			all = append(all, Key{k.id, k.created, k.from, k.retires, k == signing})
		}
	}
	return all
}

package payload

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/security/durable"
)

// Path is where happn-3 keeps the key pair of a server.
const Path = "/_SYSTEM/_SECURITY/_SETTINGS/KEYPAIR"

// document is what is stored there.
type document struct {
	Value string `json:"value"`
}

// Open returns the pair that the store has, which clients may remember, and makes
// one where there is none.
func Open(ctx context.Context, store datastore.Store, now time.Time) (*Pair, error) {
	doc, err := store.Get(ctx, []byte(Path))
	if err != nil {
		return nil, fmt.Errorf("load the key pair of encrypted payloads: %w", err)
	}
	if doc != nil {
		var stored document
		_ = json.Unmarshal(doc.Data, &stored) // what is left empty is no pair
		pair, err := ParsePair(stored.Value)
		if err != nil {
			return nil, fmt.Errorf("read the key pair of encrypted payloads at %s: %w; restore a backup, or remove the document for a new one", Path, err)
		}
		return pair, nil
	}
	pair, err := Generate()
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(document{pair.Text()})
	if err != nil {
		return nil, fmt.Errorf("store the key pair of encrypted payloads: %w", err)
	}
	if _, err := durable.Put(ctx, store, Path, raw, now); err != nil {
		return nil, fmt.Errorf("store the key pair of encrypted payloads: %w", err)
	}
	return pair, nil
}

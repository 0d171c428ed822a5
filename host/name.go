package host

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// namePath is where happn-3 keeps the server's name (happn-wire.md, 8.1).
const namePath = "/_SYSTEM/_NETWORK/_SETTINGS/NAME"

// serverName returns the configured name, or the stored one, or a new one, and
// sees that it is stored.
func serverName(store datastore.Store, configured string) (string, error) {
	doc, err := store.Get(context.Background(), []byte(namePath))
	if err != nil {
		return "", fmt.Errorf("read the server's name: %w", err)
	}
	stored := ""
	if doc != nil {
		value, _ := rawjson.Lookup(doc.Data, "value")
		stored = string(rawjson.Unquote(value))
	}
	switch {
	case configured == "" && stored != "":
		return stored, nil
	case configured == "":
		configured = newName()
	case configured == stored:
		return configured, nil
	}
	data := append(rawjson.AppendString([]byte(`{"value":`), configured), '}')
	if err := put(store, namePath, data); err != nil {
		return "", fmt.Errorf("store the server's name: %w", err)
	}
	return configured, nil
}

// newName returns a name that no other host is likely to have.
func newName() string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails, see its documentation
	return "happn-" + hex.EncodeToString(b[:])
}

// written waits for one write.
type written chan error

func (w written) Written(_ *datastore.Document, err error) { w <- err }

// put stores a document and waits until it is as durable as the store makes it.
func put(store datastore.Store, path string, data []byte) error {
	done := make(written, 1)
	store.Write(context.Background(), &datastore.Write{
		Op: datastore.Put, Path: []byte(path), Data: data, Now: time.Now().UnixMilli(),
	}, done)
	return <-done
}

package host

import (
	"errors"
	"log/slog"
	"slices"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/host/config"
	"github.com/happn-host/happn-host/host/protocol"
)

// OfflineStore is what OpenStore returns: documents come in by Import as they are.
type OfflineStore interface {
	datastore.Store
	datastore.Importer
}

// OpenStore opens the stores of a host that does not run, as New does, for
// programs that work on its documents. The caller closes what it returns.
func OpenStore(c config.Config, log *slog.Logger) (OfflineStore, error) {
	return openOffline(&Host{config: c, log: log})
}

// LookIntoStore is OpenStore for programs that write nothing: no index is made in
// MongoDB either. The folder of an embedded store is made if there is none.
func LookIntoStore(c config.Config, log *slog.Logger) (OfflineStore, error) {
	return openOffline(&Host{config: c, log: log, looking: true})
}

func openOffline(h *Host) (OfflineStore, error) {
	h.config.Data.Stores = slices.Clone(h.config.Data.Stores)
	for i := range h.config.Data.Stores {
		// Nobody listens here, and hosts that do shall hear of what is done here.
		h.config.Data.Stores[i].PublishExternal = false
	}
	if err := h.openStores(); err != nil {
		return nil, err
	}
	store, ok := h.store.(OfflineStore)
	if !ok {
		return nil, errors.Join(errors.New("the data store takes no documents as they are"), h.store.Close())
	}
	return store, nil
}

// Settable reports whether a client can write to a path; it can read all of them.
func Settable(path []byte) bool { return protocol.Settable(path) }

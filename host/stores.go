package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/match"
	"github.com/happn-host/happn-host/datastore/memory"
	"github.com/happn-host/happn-host/datastore/router"
	"github.com/happn-host/happn-host/host/config"
)

// openedStore is one store that the host has opened.
type openedStore struct {
	config.DataStore
	datastore.Store
	size     func(context.Context) StoreSize
	recovery string // what was found when it was opened
	atStart  StoreSize
}

// openStores opens the configured stores, unless the embedder brought one, and
// puts a router in front if there are several.
func (h *Host) openStores() error {
	if h.store != nil {
		return nil
	}
	indexes, err := indexes(h.config.Data.Indexes)
	if err != nil {
		return err
	}
	all := h.config.Data.AllStores()
	for _, s := range all {
		store, err := h.openStore(s, indexes)
		if err != nil {
			if len(all) > 1 {
				err = fmt.Errorf("store %q: %w", s.Name, err)
			}
			return errors.Join(fmt.Errorf("open the data store: %w", err), h.closeStores())
		}
		h.stores = append(h.stores, store)
	}
	if len(h.stores) == 1 {
		h.store = h.stores[0].Store
		return nil
	}
	if err := h.route(); err != nil {
		return errors.Join(fmt.Errorf("open the data stores: %w", err), h.closeStores())
	}
	return nil
}

// openStore opens one store.
func (h *Host) openStore(s config.DataStore, indexes []datastore.Index) (*openedStore, error) {
	log := h.log.With("store", s.Name)
	if s.Provider == config.ProviderMongoDB {
		return openMongo(s, indexes, h.looking, log)
	}
	store, err := memory.Open(memory.Options{
		Dir: s.Dir, Durability: durability(s), Indexes: indexes, ColumnBytes: columnBytes(h.config.Data), Logger: log,
	})
	if err != nil {
		return nil, err
	}
	opened := &openedStore{DataStore: s, Store: store, size: func(context.Context) StoreSize { return sizeOf(store.Stats()) }}
	opened.atStart = opened.size(context.Background())
	if s.Dir != "" {
		opened.recovery = store.Recovery().String()
	}
	return opened, nil
}

// route puts a router in front of the stores.
func (h *Host) route() error {
	// The lanes of the pipeline put the answers of one session in order.
	o := router.Options{Default: h.stores[0].Name, AnyOrder: true}
	for _, s := range h.stores {
		o.Members = append(o.Members, router.Member{Name: s.Name, Store: s.Store, Patterns: s.Patterns})
	}
	r, err := router.Open(context.Background(), o)
	if err != nil {
		return err
	}
	for name, n := range r.Strays() {
		h.log.Warn("a store holds documents whose paths belong to another store now: they are kept but not seen; "+
			"change the patterns in data.stores back to see them", "store", name, "documents", n)
	}
	h.store = r
	return nil
}

// closeStores closes what openStores has opened before it failed.
func (h *Host) closeStores() error {
	var errs []error
	for _, s := range h.stores {
		errs = append(errs, s.Close())
	}
	h.stores = nil
	return errors.Join(errs...)
}

func durability(s config.DataStore) memory.Durability {
	if s.Provider == config.ProviderMongoDB {
		return "by the server" // w and j, of which the URL or the server may decide
	}
	if s.Provider == config.ProviderMemory {
		return memory.DurabilityNone
	}
	return memory.Durability(s.Durability)
}

// columnBytes is the bound as a store takes it: none is negative.
func columnBytes(d config.Data) int {
	if d.ColumnBytes == 0 {
		return -1
	}
	return d.ColumnBytes
}

// indexes translates the names of fields from those that clients use.
func indexes(configured []config.DataIndex) ([]datastore.Index, error) {
	var all []datastore.Index
	for i, x := range configured {
		raw, err := json.Marshal(x.Fields)
		if err != nil {
			return nil, fmt.Errorf("data.indexes[%d].fields: %w", i, err)
		}
		order, err := match.CompileOrder(raw)
		if err != nil {
			return nil, fmt.Errorf("data.indexes[%d].fields: %w", i, err)
		}
		all = append(all, datastore.Index{Paths: x.Paths, Fields: order.Keys(), Unique: x.Unique})
	}
	return all, nil
}

// cacheDir is where compiled plugins are kept: beside the documents of the
// default store unless the configuration says otherwise, never in the plugins'
// own folder.
func (h *Host) cacheDir() string {
	if dir := h.config.Plugins.CacheDir; dir != "" {
		return dir
	}
	dir := h.config.Data.AllStores()[0].Dir
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, "plugin-cache")
}

// StoreSummary describes a store.
type StoreSummary struct {
	Name       string   // "" for one that the embedder supplied
	Kind       string   // embedded, memory, mongodb, or custom for one that the embedder supplied
	Dir        string   // of an embedded one
	Durability string   // sync, async or none; "" if it is not known
	Patterns   []string // of the paths that belong to it; none for the default store
	Documents  int
	Recovery   string // what was found when the store was opened, "" if nothing
}

// summarizeStores describes every store, the default one first.
func (h *Host) summarizeStores() []StoreSummary {
	if len(h.stores) == 0 {
		return []StoreSummary{{Kind: "custom"}}
	}
	var all []StoreSummary
	for _, s := range h.stores {
		one := StoreSummary{
			Name: s.Name, Kind: s.Provider, Dir: s.Dir, Durability: string(durability(s.DataStore)),
			Patterns: s.Patterns, Documents: int(s.atStart.Documents), Recovery: s.recovery,
		}
		all = append(all, one)
	}
	return all
}

// StoreHealth is one store in Health.
type StoreHealth struct {
	Name       string   `json:"name"`
	Kind       string   `json:"kind"` // embedded, memory or mongodb
	Durability string   `json:"durability"`
	Patterns   []string `json:"patterns,omitempty"`
	Reason     string   `json:"reason,omitempty"` // why it fails
	StoreSize
	Growth StoreSize `json:"growth"` // since the start; less than 0 when it has shrunk
}

// StoreSize is how much a store holds.
type StoreSize struct {
	Documents int64 `json:"documents"`
	Bytes     int64 `json:"bytes"`     // of paths, data and user names, in memory
	DiskBytes int64 `json:"diskBytes"` // of the folder's files
	Archives  int64 `json:"archives"`
	Archived  int64 `json:"archived"` // documents in the archives, on disk only
}

func sizeOf(s memory.Stats) StoreSize {
	return StoreSize{s.Documents, s.Bytes, s.DiskBytes, s.Archives, s.Archived}
}

func (s StoreSize) minus(o StoreSize) StoreSize {
	return StoreSize{
		s.Documents - o.Documents, s.Bytes - o.Bytes, s.DiskBytes - o.DiskBytes, s.Archives - o.Archives, s.Archived - o.Archived,
	}
}

// storeHealth reports on every store that the host has opened.
func (h *Host) storeHealth(ctx context.Context) []StoreHealth {
	all := []StoreHealth{} // an empty list in JSON, not null
	for _, s := range h.stores {
		now := s.size(ctx)
		one := StoreHealth{
			Name: s.Name, Kind: s.Provider, Durability: string(durability(s.DataStore)), Patterns: s.Patterns,
			StoreSize: now, Growth: now.minus(s.atStart),
		}
		if err := s.Check(ctx); err != nil {
			one.Reason = datastore.Detail(err)
		}
		all = append(all, one)
	}
	return all
}

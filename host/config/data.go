package config

import "encoding/json"

// Data says where documents are kept, and in which indexes.
type Data struct {
	Dir         string      `koanf:"dir"`         // folder of the default store
	Durability  string      `koanf:"durability"`  // of the default store: sync, async, none (memory only)
	Stores      []DataStore `koanf:"stores"`      // further stores
	Indexes     []DataIndex `koanf:"indexes"`     // secondary indexes, in the stores of their paths
	ColumnBytes int         `koanf:"columnBytes"` // memory of each store's columns; 0 is none
}

// DefaultStore is the name of the store in Data.Dir.
const DefaultStore = "default"

// The providers of a DataStore.
const (
	ProviderEmbedded = "embedded" // in a folder
	ProviderMemory   = "memory"   // forgets everything at a stop
	ProviderMongoDB  = "mongodb"  // in a collection of a MongoDB server
)

// DataStore is a store beside the default one, or in its place.
type DataStore struct {
	Name       string   `json:"name"`
	Provider   string   `json:"provider,omitempty"`   // "" is embedded
	Dir        string   `json:"dir,omitempty"`        // of an embedded store, its own
	Durability string   `json:"durability,omitempty"` // of an embedded store: sync or async; "" is sync
	Patterns   []string `json:"patterns,omitempty"`   // of the paths that belong to it
	URL        string   `json:"url,omitempty"`        // of a MongoDB server
	URLEnv     string   `json:"urlEnv,omitempty"`     // environment variable that holds the URL
	Database   string   `json:"database,omitempty"`   // there; "" is the one in the URL, or happn
	Collection string   `json:"collection,omitempty"` // there; "" is happn
	W          string   `json:"w,omitempty"`          // members that have a write when it is answered
	Journal    bool     `json:"j,omitempty"`          // and have it in their journal
	Index      *bool    `json:"index,omitempty"`      // whether the index on path is made; nil is true
	Connection          // to a MongoDB server
	Default    bool     `json:"default,omitempty"` // everything without a pattern belongs to it, and Data.Dir is not opened
}

// DataIndex is a secondary index.
type DataIndex struct {
	Paths  []string    `json:"paths"`            // patterns
	Fields IndexFields `json:"fields"`           // the first one counts most
	Unique bool        `json:"unique,omitempty"` // no two documents have the same values
}

// IndexField is one field of a DataIndex, by the name that criteria use.
type IndexField struct {
	Name       string
	Descending bool
}

// IndexFields are written as a section, {region: 1, age: -1}, whose order counts.
type IndexFields []IndexField

// MarshalJSON implements json.Marshaler.
func (f IndexFields) MarshalJSON() ([]byte, error) {
	text := []byte{'{'}
	for i, one := range f {
		if i > 0 {
			text = append(text, ',')
		}
		name, err := json.Marshal(one.Name)
		if err != nil {
			return nil, err
		}
		text = append(append(text, name...), ':')
		if one.Descending {
			text = append(text, '-')
		}
		text = append(text, '1')
	}
	return append(text, '}'), nil
}

// AllStores returns every store to open, the default one first. A host with one
// store has nothing to route.
func (d Data) AllStores() []DataStore {
	all := []DataStore{}
	if d.defaultEntry() < 0 {
		first := DataStore{Name: DefaultStore, Provider: ProviderEmbedded, Dir: d.Dir, Durability: d.Durability, Default: true}
		if d.Durability == "none" {
			first.Provider, first.Dir, first.Durability = ProviderMemory, "", ""
		}
		all = append(all, first)
	}
	for _, s := range d.Stores {
		if s.Provider == "" {
			s.Provider = ProviderEmbedded
		}
		if s.Durability == "" && s.Provider == ProviderEmbedded {
			s.Durability = "sync"
		}
		if s.Default {
			all = append([]DataStore{s}, all...)
			continue
		}
		all = append(all, s)
	}
	return all
}

// defaultEntry returns the place of the default store in Stores, or -1.
func (d Data) defaultEntry() int {
	for i, s := range d.Stores {
		if s.Default {
			return i
		}
	}
	return -1
}

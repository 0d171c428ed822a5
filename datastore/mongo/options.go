package mongo

import (
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/happn-host/happn-host/datastore"
)

// Options is how a store is opened. The zero value is ready to use.
type Options struct {
	URL        string // may hold credentials, which are never logged; "" is mongodb://127.0.0.1:27017
	Database   string // "" is the one in URL, or else happn
	Collection string // "" is happn

	// W is how many members of a replica set have a write when it is answered:
	// a number, or majority; "" is what URL says, or the server's default.
	W string
	// Journal answers a write when it is in the journal of those members,
	// whatever URL says about it.
	Journal bool

	// Extra are options of connection strings, by name in any case, as in the
	// opts of happn-3. They replace those of URL. Unknown ones are an error.
	Extra map[string]string

	// Of each of these 0 is what Extra or URL says, or else the default.
	MaxPoolSize uint64        // connections; 32
	Timeout     time.Duration // of one operation, tries and waits among it; 10 s
	Selection   time.Duration // how long an operation waits for a server that has gone; 5 s
	Connect     time.Duration // for a connection, and for a server to say that it is well; 5 s
	Heartbeat   time.Duration // how often the server is looked at; 2 s

	StartWait time.Duration // how long Open waits for the server; 0 is 30 s

	// Indexes are made by Open, as happn-3 does: each is recorded in a document
	// below /_SYSTEM/INDEXES, and made only if there is no such document. Nil
	// is one unique index on path. Without it documents can come twice, and
	// every operation reads the whole collection.
	Indexes map[string]IndexSpec

	// Secondary are indexes that are made, and recorded alike, in the background
	// after Open. One that is there already costs nothing; none is ever dropped.
	Secondary []datastore.Index

	// External makes Watch tell what others write. Every write has a mark then,
	// and removals go by _id. The server must be a replica set or a sharded
	// cluster, otherwise Open fails.
	External bool

	// ServerDecides has the server run pipelines as clients send them, and search
	// and sort by the collations that they ask for, where no permission decides
	// about single documents. It is faster than the default, where the server does
	// what surely comes to the same as in the host, and the results are the
	// server's: it has an order of groups, a rounding and collations of its own, and
	// a pipeline shows names and numbers as they are stored.
	ServerDecides bool

	// QueueBytes bounds what waits to be written; 0 is 16 MiB. When it is
	// reached, writers wait. Each may exceed it by the one write it makes.
	QueueBytes int

	Logger *slog.Logger // nil is silence
}

// IndexSpec is an index as happn-3 configures and records it, each part a raw
// JSON object.
type IndexSpec struct {
	Fields  []byte // {"path":1}
	Options []byte // {"unique":true,"w":1}; nil is none
}

const (
	defaultURL        = "mongodb://127.0.0.1:27017"
	defaultName       = "happn" // of the database and the collection
	defaultPool       = 32
	defaultTimeout    = 10 * time.Second
	defaultSelection  = 5 * time.Second
	defaultConnect    = 5 * time.Second
	defaultHeartbeat  = 2 * time.Second
	defaultStartWait  = 30 * time.Second
	defaultQueueBytes = 16 << 20
)

func (o Options) ensureDefaults() Options {
	o.URL = either0(o.URL, defaultURL)
	o.Database = either0(o.Database, databaseOf(o.URL), defaultName)
	o.Collection = either0(o.Collection, defaultName)
	o.StartWait = either0(o.StartWait, defaultStartWait)
	o.QueueBytes = either0(o.QueueBytes, defaultQueueBytes)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Indexes == nil {
		o.Indexes = map[string]IndexSpec{
			"happn_path_index": {Fields: []byte(`{"path":1}`), Options: []byte(`{"unique":true,"w":1}`)},
		}
	}
	return o
}

// either0 returns the first value that is not zero.
func either0[T comparable](values ...T) (v T) {
	for _, v = range values {
		if v != *new(T) {
			return v
		}
	}
	return v
}

// databaseOf returns the database that a URL names, "" if none.
func databaseOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return strings.Trim(u.Path, "/")
}

// HostOf returns the servers that a URL names, without credentials or options.
func HostOf(raw string) string {
	_, rest, _ := strings.Cut(raw, "://")
	rest, _, _ = strings.Cut(rest, "/")
	rest, _, _ = strings.Cut(rest, "?")
	return rest[strings.LastIndexByte(rest, '@')+1:]
}

// withoutSecrets removes what a URL says about who connects from a text.
func withoutSecrets(text, raw string) string {
	text = strings.ReplaceAll(text, raw, "the URL")
	if u, err := url.Parse(raw); err == nil && u.User != nil {
		if password, ok := u.User.Password(); ok && password != "" {
			text = strings.ReplaceAll(text, password, "***")
			text = strings.ReplaceAll(text, url.QueryEscape(password), "***")
		}
	}
	return text
}

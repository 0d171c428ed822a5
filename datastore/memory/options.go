package memory

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/happn-host/happn-host/datastore"
)

// Durability says what has happened to a write when it is answered.
type Durability string

// The kinds of durability.
const (
	// DurabilitySync answers when the write is on disk (fsync). It survives
	// the loss of power.
	DurabilitySync Durability = "sync"
	// DurabilityAsync answers when the write is in memory. It survives kill -9
	// and the loss of power after SyncInterval and the time of one sync.
	DurabilityAsync Durability = "async"
	// DurabilityNone keeps nothing: no folder, no files.
	DurabilityNone Durability = "none"
)

// Options is how a store is opened. The zero value, plus a Dir, is ready to use.
type Options struct {
	// Dir is the folder of the store, made when it is missing. It belongs to
	// one process at a time. It is required, except with DurabilityNone, where
	// it is not looked at.
	Dir string

	// Durability of writes; "" is DurabilitySync.
	Durability Durability

	// SyncInterval bounds how long a write waits for the disk with
	// DurabilityAsync; 0 is 100 ms.
	SyncInterval time.Duration

	// Indexes are kept in step with the documents. They are in memory only and
	// made anew by Open, which fails if one of them is unique and the
	// documents are not. An index costs the memory of its keys (see Stats), and
	// each write about a microsecond.
	Indexes []datastore.Index

	// ColumnBytes bounds the memory of columns, which the store makes by itself
	// of fields that searches without an index ask for again and again: 8 bytes
	// for each document and field. 0 is 64 MiB; negative is no columns.
	ColumnBytes int

	// QueueBytes bounds what waits to be committed, counting 128 bytes a write
	// beside its path and document; 0 is 16 MiB. When it is reached, writers
	// wait. Each writer may exceed it by the one write it makes.
	QueueBytes int

	// Logger receives what goes wrong, and at debug level what pebble says;
	// nil is silence.
	Logger *slog.Logger

	eagerColumns bool   // tests: see columns.eager
	fs           vfs.FS // the file system, replaced by tests; nil is the real one
}

const (
	defaultSyncInterval = 100 * time.Millisecond
	defaultQueueBytes   = 16 << 20
	defaultColumnBytes  = 64 << 20
)

// ensureDefaults returns the options with every field set, or what is wrong
// with them.
func (o Options) ensureDefaults() (Options, error) {
	if o.Durability == "" {
		o.Durability = DurabilitySync
	}
	switch o.Durability {
	case DurabilitySync, DurabilityAsync, DurabilityNone:
	default:
		return o, fmt.Errorf("durability %q is unknown: use %q, %q or %q",
			string(o.Durability), DurabilitySync, DurabilityAsync, DurabilityNone)
	}
	if o.Dir == "" && o.Durability != DurabilityNone {
		return o, fmt.Errorf("durability %q needs a folder: name one, or use durability %q to keep nothing",
			string(o.Durability), DurabilityNone)
	}
	if o.SyncInterval < 0 || o.QueueBytes < 0 {
		return o, fmt.Errorf("sync interval %v and queue size %d must not be negative", o.SyncInterval, o.QueueBytes)
	}
	if o.SyncInterval == 0 {
		o.SyncInterval = defaultSyncInterval
	}
	if o.QueueBytes == 0 {
		o.QueueBytes = defaultQueueBytes
	}
	if o.ColumnBytes == 0 {
		o.ColumnBytes = defaultColumnBytes
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.fs == nil {
		o.fs = vfs.Default
	}
	return o, nil
}

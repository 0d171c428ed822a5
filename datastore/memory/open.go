package memory

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Pebble holds nothing that memory does not hold too, and is read only while a
// store opens: its caches are small, its log and its tables are not.
const (
	blockCacheBytes = 1 << 20
	memTableBytes   = 16 << 20 // at most; it starts at 256 KiB and doubles when needed
	maxOpenFiles    = 256
)

// pebbleFormat is the newest format of pebble's files that is used. A newer
// pebble may be built in without changing what an older program can read.
const pebbleFormat = pebble.FormatWALSyncChunks

// openDisk locks and opens the folder. The disk's goroutine runs until abandon
// or close.
func openDisk(o Options) (*disk, error) {
	d := &disk{
		dir: o.Dir, fs: o.fs, logger: o.Logger,
		calls: make(chan func() error), results: make(chan error, 1), dead: make(chan struct{}),
	}
	if err := o.fs.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	var err error
	if d.lock, err = pebble.LockDirectory(o.Dir, o.fs); err != nil {
		return nil, fmt.Errorf("another process uses it, or it cannot be written to; stop that process or use another folder: %w", err)
	}
	go d.serve()
	if err = d.do(d.open); err != nil {
		return nil, errors.Join(err, d.giveUp())
	}
	return d, nil
}

// open opens pebble.
func (d *disk) open() error {
	if err := d.log.hold(d.fs, d.dir); err != nil {
		return err
	}
	defer d.log.letGo()
	started := time.Now()
	options := d.options()
	defer options.Cache.Unref()
	db, err := pebble.Open(d.dir, options)
	if err != nil {
		if pebble.IsCorruptionError(err) {
			err = fmt.Errorf("it is damaged; restore it from a backup, or move it away to start empty: %w", err)
		}
		return err
	}
	d.logger.Debug("opened the data folder", "dir", d.dir, "duration", time.Since(started))
	d.db = db
	d.batch = db.NewBatchWithSize(64<<10, pebble.WithMaxRetainedSizeBytes(maxBatchBytes+maxBatchBytes/4))
	return nil
}

// giveUp releases what openDisk has taken when pebble could not be opened.
func (d *disk) giveUp() error {
	select {
	case <-d.dead:
		return nil
	default:
		close(d.calls)
		return d.lock.Close()
	}
}

// options are pebble's.
func (d *disk) options() *pebble.Options {
	options := &pebble.Options{
		FS:                          d.fs,
		Lock:                        d.lock,
		Cache:                       pebble.NewCache(blockCacheBytes),
		FormatMajorVersion:          pebbleFormat,
		Logger:                      pebbleLogger{d},
		MaxOpenFiles:                maxOpenFiles,
		MemTableSize:                memTableBytes,
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       24,
		LBaseMaxBytes:               64 << 20,
		CompactionConcurrencyRange:  func() (lower, upper int) { return 1, 2 },
		EventListener:               d.events(),
	}
	return options
}

// checkFormat reads and writes the folder's headers. It reports whether the
// folder is new and whether it was closed cleanly.
func (d *disk) checkFormat() (fresh, clean bool, err error) {
	version, err := d.header(formatHeader)
	if err != nil {
		return false, false, err
	}
	if version == nil {
		if fresh, err = d.empty(); err != nil {
			return false, false, err
		}
		if !fresh {
			return false, false, errors.New("it holds a database of another program; use another folder")
		}
	} else if v, n := binary.Uvarint(version); n <= 0 || v > formatVersion {
		return false, false, fmt.Errorf("format %d: %w", v, errNewerFormat)
	}
	mark, err := d.header(cleanHeader)
	if err != nil {
		return false, false, err
	}
	b := d.db.NewBatch()
	err = errors.Join(
		b.Set(formatHeader, binary.AppendUvarint(nil, formatVersion), nil),
		b.Delete(cleanHeader, nil),
		b.Commit(pebble.Sync),
		b.Close(),
	)
	if fresh && err == nil {
		// The first log of a new database is in pebble's old format, in which
		// damage cannot be told from a torn write. This starts the next one.
		err = d.db.Flush()
	}
	return fresh, mark != nil, err
}

// header returns a copy of the value at the key, nil if there is none.
func (d *disk) header(key []byte) ([]byte, error) {
	value, closer, err := d.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	return append([]byte{}, value...), nil
}

// empty reports whether there is no key at all.
func (d *disk) empty() (bool, error) {
	it, err := d.db.NewIter(nil)
	if err != nil {
		return false, err
	}
	any := it.First()
	return !any, errors.Join(it.Error(), it.Close())
}

// IsFolder reports whether a store has kept its documents in a folder.
func IsFolder(dir string) (bool, error) {
	found, err := pebble.Peek(dir, vfs.Default)
	if err != nil {
		return false, fmt.Errorf("looking into the folder %s: %w", dir, err)
	}
	return found.Exists, nil
}

package memory

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/wal"
)

// Recovery is what Open found. The zero value is that of a store without a
// folder.
type Recovery struct {
	Fresh     bool          // the folder was new
	Clean     bool          // the store was closed before; false after a crash
	Documents int64         // loaded
	Bytes     int64         // their paths, data and user names
	Duration  time.Duration // reading them took
	Replayed  int64         // changes that came from the log: since the last table was written
	Dropped   int64         // bytes of the unfinished write at the end of the log, which nobody was told had succeeded
}

// String is the report in one line.
func (r Recovery) String() string {
	if r.Fresh {
		return "new data folder"
	}
	text := fmt.Sprintf("%d documents (%d bytes) in %v", r.Documents, r.Bytes, r.Duration.Round(time.Millisecond))
	if r.Clean {
		return text + ", closed cleanly"
	}
	return fmt.Sprintf("%s, recovered after a crash: %d changes from the log, %d bytes of an unfinished write dropped",
		text, r.Replayed, r.Dropped)
}

// load reads all documents into the index, and what archives there are.
func (d *disk) load(x *index, a *archives) (r Recovery, err error) {
	started := time.Now()
	err = d.do(func() error {
		if r.Fresh, r.Clean, err = d.checkFormat(); err != nil {
			return err
		}
		if err = d.loadArchives(a); err != nil {
			return err
		}
		if err = d.loadDocuments(x); err != nil {
			return err
		}
		return x.build()
	})
	r.Documents, r.Bytes = x.documents.Load(), x.bytes.Load()
	r.Replayed, r.Dropped = d.log.keys, d.log.dropped
	r.Duration = time.Since(started)
	return r, err
}

func (d *disk) loadDocuments(x *index) error {
	it, err := d.db.NewIter(documentKeys())
	if err != nil {
		return err
	}
	users := make(map[string]string)
	for ok := it.First(); ok; ok = it.Next() {
		doc, err := decode(it.Value(), users)
		if err != nil {
			return errors.Join(fmt.Errorf("document %q: %w", it.Key()[1:], err), it.Close())
		}
		doc.Path = string(it.Key()[1:])
		x.load(doc)
	}
	return errors.Join(it.Error(), it.Close())
}

// logTail finds out how much of an unfinished write lies at the end of the
// log. Pebble reads the log up to the last whole record and says where that
// was; what follows is of this log if its chunk header says so, otherwise it
// is left from an older log in a recycled file.
type logTail struct {
	file    vfs.File // the newest log, nil if there is none
	number  uint64
	keys    int64
	dropped int64
}

// hold opens the newest log. Pebble does not write to logs that it finds.
func (t *logTail) hold(fs vfs.FS, dir string) error {
	names, err := fs.List(dir)
	if err != nil {
		return err
	}
	newest := ""
	for _, name := range names {
		stem, isLog := strings.CutSuffix(name, ".log")
		if n, err := strconv.ParseUint(stem, 10, 64); isLog && err == nil && n >= t.number {
			newest, t.number = name, n
		}
	}
	if newest == "" {
		return nil
	}
	t.file, err = fs.Open(fs.PathJoin(dir, newest))
	return err
}

func (t *logTail) letGo() {
	if t.file != nil {
		_ = t.file.Close() // only read from
		t.file = nil
	}
}

// replayed is told where pebble stopped reading a log.
func (t *logTail) replayed(at wal.Offset, keys int64) {
	t.keys += keys
	if t.file != nil && strings.HasSuffix(at.PhysicalFile, fmt.Sprintf("%06d.log", t.number)) {
		if info, err := t.file.Stat(); err == nil {
			t.dropped = unfinished(t.file, info.Size(), at.Physical, uint32(t.number))
		}
	}
}

// The log is a sequence of blocks; a chunk does not cross their borders and
// starts with checksum (4 bytes), length of the payload (2), kind (1), the log's
// number (4) and how far the log was synced (8).
const (
	logBlock       = 32 << 10
	logChunkHead   = 19
	firstChunkKind = 9
	lastChunkKind  = 12
)

// unfinished returns how many bytes of a file of that size, from the offset on,
// belong to chunks of the log with that number.
func unfinished(file io.ReaderAt, size, offset int64, number uint32) int64 {
	var head [logChunkHead]byte
	at := offset
	for at < size {
		if left := logBlock - at%logBlock; left < logChunkHead {
			at += left
			continue
		}
		clear(head[:])
		_, _ = file.ReadAt(head[:], at) // what cannot be read stays zero, which is no kind
		kind := head[6]
		if kind < firstChunkKind || kind > lastChunkKind || binary.LittleEndian.Uint32(head[7:]) != number {
			return at - offset
		}
		at += logChunkHead + int64(binary.LittleEndian.Uint16(head[4:]))
	}
	return max(0, size-offset)
}

package memory

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/happn-host/happn-host/datastore"
)

var _ datastore.Snapshotter = (*Store)(nil)

// A backup is one stream:
//
//	"happn-backup\n"  what it is
//	byte              version, 1
//	varint            when it was taken, Unix time in ms
//	documents         each: byte 1, uvarint length of the path, the path,
//	                  uvarint length of the value, the value as it is in the
//	                  folder (see appendHead), in path order
//	end               byte 0, uvarint number of documents
//	32 bytes          SHA-256 of everything before
const (
	backupMagic    = "happn-backup\n"
	backupVersion  = 1
	backupDocument = 1
	backupEnd      = 0
)

// ErrBackup is the answer to a stream that is no backup, or a damaged one.
var ErrBackup = errors.New("the backup cannot be used")

// Backup implements datastore.Snapshotter. It shows everything answered before
// the call. Close waits for it, and ends it unless w blocks. It is not for
// stores that keep nothing.
func (s *Store) Backup(ctx context.Context, w io.Writer) (datastore.Snapshot, error) {
	if err := s.live(); err != nil {
		return datastore.Snapshot{}, err
	}
	if s.journal == nil {
		return datastore.Snapshot{}, fmt.Errorf("durability %q keeps nothing that could be backed up", string(DurabilityNone))
	}
	if err := s.journal.settle(ctx); err != nil {
		return datastore.Snapshot{}, errors.Join(s.live(), err)
	}
	return s.copyOut(ctx, documentKeys(), w)
}

// copyOut writes a backup of the documents at these keys.
func (s *Store) copyOut(ctx context.Context, keys *pebble.IterOptions, w io.Writer) (datastore.Snapshot, error) {
	b := &backupWriter{sum: sha256.New()}
	b.w = bufio.NewWriterSize(io.MultiWriter(w, b.sum), 1<<16)
	b.info.Taken = time.Now()
	_, _ = b.w.WriteString(backupMagic) // the writer keeps its error until Flush
	_ = b.w.WriteByte(backupVersion)
	b.varint(binary.AppendVarint(nil, b.info.Taken.UnixMilli()))
	head := len(keys.LowerBound) // of each key, before the path
	if err := s.journal.disk.snapshot(keys, func(key, value []byte) error {
		if b.info.Documents%chunkVisits == 0 {
			if err := errors.Join(ctx.Err(), s.live()); err != nil {
				return err
			}
		}
		return b.document(key[head:], value)
	}); err != nil {
		return datastore.Snapshot{}, fmt.Errorf("backing up the data folder: %w", err)
	}
	if err := b.finish(w); err != nil {
		return datastore.Snapshot{}, fmt.Errorf("writing the backup: %w", err)
	}
	return b.info, nil
}

// backupWriter writes a backup.
type backupWriter struct {
	w    *bufio.Writer
	sum  hash.Hash
	info datastore.Snapshot
	size [binary.MaxVarintLen64]byte
}

func (b *backupWriter) varint(text []byte) {
	n, _ := b.w.Write(text)
	b.info.Size += int64(n)
}

func (b *backupWriter) document(path, value []byte) error {
	b.varint([]byte{backupDocument})
	for _, text := range [][]byte{path, value} {
		b.varint(b.size[:binary.PutUvarint(b.size[:], uint64(len(text)))])
		n, err := b.w.Write(text)
		b.info.Size += int64(n)
		if err != nil {
			return err
		}
	}
	b.info.Documents++
	doc, err := decode(value, map[string]string{})
	if err != nil {
		return fmt.Errorf("document %q: %w", path, err)
	}
	doc.Path = string(path)
	b.info.Bytes += weight(doc)
	return nil
}

// finish writes the end and, behind all of it, the checksum.
func (b *backupWriter) finish(w io.Writer) error {
	b.varint(binary.AppendUvarint([]byte{backupEnd}, uint64(b.info.Documents)))
	if err := b.w.Flush(); err != nil {
		return err
	}
	sum := b.sum.Sum(nil)
	b.info.Size += int64(len(backupMagic)) + 1 + int64(len(sum))
	b.info.Sum = hex.EncodeToString(sum)
	_, err := w.Write(sum)
	return err
}

// snapshot calls visit for each key in the bounds and its value, as they are
// when it is called; they are valid during the call. The disk goes on writing.
func (d *disk) snapshot(keys *pebble.IterOptions, visit func(key, value []byte) error) error {
	return d.use(func() error {
		it, err := d.db.NewIter(keys)
		if err != nil {
			return err
		}
		return visitAll(it, visit)
	})
}

// visitAll closes the iterator too.
func visitAll(it *pebble.Iterator, visit func(key, value []byte) error) error {
	for ok := it.First(); ok; ok = it.Next() {
		if err := visit(it.Key(), it.Value()); err != nil {
			return errors.Join(err, it.Close())
		}
	}
	return errors.Join(it.Error(), it.Close())
}

// documentKeys are the bounds of the keys of documents.
func documentKeys() *pebble.IterOptions {
	return &pebble.IterOptions{LowerBound: []byte{documentKey}, UpperBound: []byte{documentKey + 1}}
}

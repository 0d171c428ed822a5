package memory

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/happn-host/happn-host/datastore"
)

// Restore makes the folder of a store from a backup. The folder must be empty
// or not exist; it appears when the whole backup has been read and its checksum
// is right, and is left alone otherwise. A stream that is no whole backup is
// ErrBackup.
func Restore(ctx context.Context, r io.Reader, dir string) (datastore.Snapshot, error) {
	info, err := restore(ctx, r, dir)
	if err != nil {
		return datastore.Snapshot{}, fmt.Errorf("restoring the data folder %s: %w", dir, err)
	}
	return info, nil
}

func restore(ctx context.Context, r io.Reader, dir string) (info datastore.Snapshot, err error) {
	dir = filepath.Clean(dir)
	if names, err := os.ReadDir(dir); err == nil && len(names) > 0 {
		return info, errors.New("it is not empty; name another one, or move it away")
	} else if err != nil && !errors.Is(err, os.ErrNotExist) {
		return info, err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return info, err
	}
	unfinished, err := os.MkdirTemp(filepath.Dir(dir), filepath.Base(dir)+".restoring-*")
	if err != nil {
		return info, err
	}
	if info, err = fill(ctx, r, unfinished); err != nil {
		return info, errors.Join(err, os.RemoveAll(unfinished))
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return info, errors.Join(err, os.RemoveAll(unfinished))
	}
	if err := os.Rename(unfinished, dir); err != nil {
		return info, errors.Join(err, os.RemoveAll(unfinished))
	}
	return info, syncFolder(filepath.Dir(dir))
}

// syncFolder makes the names in a folder durable.
func syncFolder(dir string) error {
	f, err := vfs.Default.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// fill writes the backup's documents into a new folder.
func fill(ctx context.Context, r io.Reader, dir string) (info datastore.Snapshot, err error) {
	o, err := Options{Dir: dir}.ensureDefaults()
	if err != nil {
		return info, err
	}
	d, err := openDisk(o)
	if err != nil {
		return info, err
	}
	if err = d.do(func() error { _, _, err := d.checkFormat(); return err }); err != nil {
		return info, errors.Join(err, d.abandon())
	}
	info, err = ReadBackup(r, func(doc *datastore.Document) error {
		d.add(doc, false)
		if d.batch.Len() < maxBatchBytes {
			return nil
		}
		return errors.Join(ctx.Err(), d.do(func() error { return d.apply(false) }))
	})
	if err == nil {
		err = errors.Join(ctx.Err(), d.do(func() error { return d.apply(true) }))
	}
	if err != nil {
		return info, errors.Join(err, d.abandon())
	}
	return info, d.close()
}

// IsBackup reports whether a stream begins as a backup does.
func IsBackup(r io.Reader) bool {
	head := make([]byte, len(backupMagic))
	_, err := io.ReadFull(r, head)
	return err == nil && string(head) == backupMagic
}

// ReadBackup calls visit for each document of a backup, by path, until visit
// returns an error. What is visited is of use only if the error is nil: the
// checksum comes last. A stream that is no whole backup is ErrBackup.
func ReadBackup(r io.Reader, visit func(*datastore.Document) error) (datastore.Snapshot, error) {
	b := &backupReader{sum: sha256.New(), users: make(map[string]string)}
	b.r = bufio.NewReaderSize(r, 1<<16)
	return b.read(visit)
}

// backupReader reads a backup.
type backupReader struct {
	r     *bufio.Reader
	sum   hash.Hash
	info  datastore.Snapshot
	text  bytes.Buffer
	users map[string]string
}

// errDamaged says what is wrong with a backup.
func errDamaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s; use another one", ErrBackup, fmt.Sprintf(format, args...))
}

// Read implements io.Reader: what is read counts in the checksum.
func (b *backupReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.sum.Write(p[:n])
	b.info.Size += int64(n)
	return n, err
}

// ReadByte implements io.ByteReader, likewise.
func (b *backupReader) ReadByte() (byte, error) {
	var one [1]byte
	_, err := io.ReadFull(b, one[:])
	return one[0], err
}

// read calls visit for each document and checks all that can be checked. What
// is visited is of use only if the error is nil.
func (b *backupReader) read(visit func(*datastore.Document) error) (datastore.Snapshot, error) {
	if err := b.head(); err != nil {
		return b.info, err
	}
	last := ""
	for {
		kind, err := b.ReadByte()
		switch {
		case err != nil:
			return b.info, b.broken(err)
		case kind == backupEnd:
			return b.info, b.end()
		case kind != backupDocument:
			return b.info, errDamaged("it is damaged after %d documents", b.info.Documents)
		}
		doc, err := b.document()
		if err != nil {
			return b.info, err
		}
		if b.info.Documents > 0 && doc.Path <= last {
			return b.info, errDamaged("document %q is out of order", doc.Path)
		}
		last = doc.Path
		b.info.Documents++
		b.info.Bytes += weight(doc)
		if err := visit(doc); err != nil {
			return b.info, err
		}
	}
}

func (b *backupReader) head() error {
	head := make([]byte, len(backupMagic)+1)
	if _, err := io.ReadFull(b, head); err != nil || string(head[:len(backupMagic)]) != backupMagic {
		return errDamaged("it is not a backup of this program")
	}
	if v := head[len(backupMagic)]; v != backupVersion {
		return fmt.Errorf("%w: version %d: %w", ErrBackup, v, errNewerFormat)
	}
	taken, err := binary.ReadVarint(b)
	b.info.Taken = time.UnixMilli(taken)
	return b.broken(err)
}

func (b *backupReader) document() (*datastore.Document, error) {
	path, err := b.sized()
	if err != nil {
		return nil, err
	}
	at := string(path)
	value, err := b.sized()
	if err != nil {
		return nil, err
	}
	doc, err := decode(value, b.users)
	if err != nil {
		return nil, errDamaged("document %q: %v", at, err)
	}
	doc.Path = at
	return doc, nil
}

// sized reads a text with its length before it; it is valid until the next
// one. A length that is a lie costs no more memory than there is text.
func (b *backupReader) sized() ([]byte, error) {
	n, err := binary.ReadUvarint(b)
	if err != nil || n > 1<<40 {
		return nil, b.broken(errors.Join(err, io.ErrUnexpectedEOF))
	}
	b.text.Reset()
	if _, err := io.CopyN(&b.text, b, int64(n)); err != nil {
		return nil, b.broken(err)
	}
	return b.text.Bytes(), nil
}

// end checks what follows the documents.
func (b *backupReader) end() error {
	n, err := binary.ReadUvarint(b)
	if err != nil {
		return b.broken(err)
	}
	if int64(n) != b.info.Documents {
		return errDamaged("it tells of %d documents and holds %d", n, b.info.Documents)
	}
	want := b.sum.Sum(nil)
	got := make([]byte, len(want))
	if _, err := io.ReadFull(b, got); err != nil {
		return b.broken(err)
	}
	if !bytes.Equal(got, want) {
		return errDamaged("its checksum is wrong")
	}
	if _, err := b.ReadByte(); !errors.Is(err, io.EOF) {
		return errDamaged("something follows its end")
	}
	b.info.Sum = hex.EncodeToString(got)
	return nil
}

// broken says that the stream ended, or why it could not be read.
func (b *backupReader) broken(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errDamaged("it is cut off after %d documents", b.info.Documents)
	}
	return fmt.Errorf("reading the backup: %w", err)
}

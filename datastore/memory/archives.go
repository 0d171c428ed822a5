package memory

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/happn-host/happn-host/datastore"
)

// archives is what a store knows of its archives without looking into the folder.
type archives struct {
	making sync.Mutex // held while one is made or dropped

	mu   sync.RWMutex
	all  []datastore.Archive // by id
	last int64               // the greatest id that was ever used
}

func (a *archives) list() []datastore.Archive {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return slices.Clone(a.all)
}

func (a *archives) lastID() int64 {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.last
}

func (a *archives) get(id int64) (datastore.Archive, bool) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	for _, one := range a.all {
		if one.ID == id {
			return one, true
		}
	}
	return datastore.Archive{}, false
}

// add adds the newest archive.
func (a *archives) add(one datastore.Archive) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all, a.last = append(a.all, one), one.ID
}

func (a *archives) drop(id int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = slices.DeleteFunc(a.all, func(one datastore.Archive) bool { return one.ID == id })
}

// States of an archive, in its record.
const (
	archiveMoving  = 1 // its documents are leaving the store
	archiveDone    = 2 // they have left it
	archiveDropped = 3 // it is no more; only the id is remembered
)

// archiveFormat is the version of the record of an archive:
//
//	byte     1
//	byte     state
//	varint   when it was taken, Unix time in ms
//	uvarint  number of documents
//	uvarint  their bytes
const archiveFormat = 1

func appendArchive(dst []byte, a datastore.Archive, state byte) []byte {
	dst = append(dst, archiveFormat, state)
	dst = binary.AppendVarint(dst, a.Taken.UnixMilli())
	dst = binary.AppendUvarint(dst, uint64(a.Documents))
	return binary.AppendUvarint(dst, uint64(a.Bytes))
}

func decodeArchive(key, value []byte) (a datastore.Archive, state byte, err error) {
	r := bytes.NewReader(value)
	format, err := r.ReadByte()
	if err == nil && format != archiveFormat {
		return a, 0, fmt.Errorf("record format %d: %w", format, errNewerFormat)
	}
	state, err2 := r.ReadByte()
	taken, err3 := binary.ReadVarint(r)
	documents, err4 := binary.ReadUvarint(r)
	size, err5 := binary.ReadUvarint(r)
	if err := errors.Join(err, err2, err3, err4, err5); err != nil || len(key) != 9 || state < archiveMoving || state > archiveDropped {
		return a, 0, errors.Join(errors.New("the record of an archive is damaged"), err)
	}
	return datastore.Archive{
		ID: int64(binary.BigEndian.Uint64(key[1:])), Taken: time.UnixMilli(taken), Documents: int64(documents), Bytes: int64(size),
	}, state, nil
}

// archiveName is the key of an archive's record.
func archiveName(id int64) []byte {
	return binary.BigEndian.AppendUint64([]byte{archiveKey}, uint64(id))
}

// archivedPrefix is what the keys of an archive's documents begin with.
func archivedPrefix(id int64) []byte {
	return binary.BigEndian.AppendUint64([]byte{archivedKey}, uint64(id))
}

// archivedKeys are the bounds of the keys of an archive's documents whose paths
// begin with this text.
func archivedKeys(id int64, prefix string) *pebble.IterOptions {
	low := append(archivedPrefix(id), prefix...)
	return &pebble.IterOptions{LowerBound: low, UpperBound: behind(low)}
}

// behind returns the first key after all those that begin with the prefix, whose
// first byte is not 255.
func behind(prefix []byte) []byte {
	high := bytes.Clone(prefix)
	for high[len(high)-1] == 0xff {
		high = high[:len(high)-1]
	}
	high[len(high)-1]++
	return high
}

// archiveBatch writes in batches of a bounded size.
type archiveBatch struct {
	disk  *disk
	batch *pebble.Batch
}

func (b *archiveBatch) set(key, value []byte) error {
	if err := b.batch.Set(key, value, nil); err != nil || b.batch.Len() < maxBatchBytes {
		return err
	}
	return b.flush(pebble.NoSync)
}

func (b *archiveBatch) flush(options *pebble.WriteOptions) error {
	if err := b.disk.do(func() error { return b.disk.db.Apply(b.batch, options) }); err != nil {
		return err
	}
	b.batch.Reset()
	return nil
}

// dropCopies removes the documents of an archive. It is a call into pebble, for do.
func (d *disk) dropCopies(id int64) error {
	keys := archivedKeys(id, "")
	return d.db.DeleteRange(keys.LowerBound, keys.UpperBound, pebble.Sync)
}

// loadArchives reads the records, ends what a crash has interrupted and removes
// copies that never became an archive.
func (d *disk) loadArchives(a *archives) error {
	it, err := d.db.NewIter(&pebble.IterOptions{LowerBound: []byte{archiveKey}, UpperBound: []byte{archiveKey + 1}})
	if err != nil {
		return err
	}
	var moving []datastore.Archive
	err = visitAll(it, func(key, value []byte) error {
		one, state, err := decodeArchive(key, value)
		if err != nil {
			return err
		}
		a.last = one.ID
		if state != archiveDropped {
			a.all = append(a.all, one)
		}
		if state == archiveMoving {
			moving = append(moving, one)
		}
		return nil
	})
	for _, one := range moving {
		if err == nil {
			err = d.moveRest(one)
		}
	}
	if err != nil {
		return err
	}
	return d.dropUnfinished(a)
}

// moveRest removes the documents that are in the archive as they are.
func (d *disk) moveRest(a datastore.Archive) error {
	it, err := d.db.NewIter(archivedKeys(a.ID, ""))
	if err != nil {
		return err
	}
	b := d.db.NewBatch()
	err = visitAll(it, func(key, value []byte) error {
		name := append([]byte{documentKey}, key[len(archivedPrefix(0)):]...)
		current, err := d.header(name)
		if err != nil || !bytes.Equal(current, value) {
			return err
		}
		if err := b.Delete(name, nil); err != nil || b.Len() < maxBatchBytes {
			return err
		}
		err = d.db.Apply(b, pebble.NoSync)
		b.Reset()
		return err
	})
	if err == nil {
		err = errors.Join(b.Set(archiveName(a.ID), appendArchive(nil, a, archiveDone), nil), d.db.Apply(b, pebble.Sync))
	}
	return errors.Join(err, b.Close())
}

// dropUnfinished removes copies without an archive.
func (d *disk) dropUnfinished(a *archives) error {
	it, err := d.db.NewIter(&pebble.IterOptions{LowerBound: []byte{archivedKey}, UpperBound: []byte{archivedKey + 1}})
	if err != nil {
		return err
	}
	var orphans []int64
	for ok := it.First(); ok; {
		if len(it.Key()) < len(archivedPrefix(0)) {
			return errors.Join(errors.New("the key of an archived document is damaged"), it.Close())
		}
		id := int64(binary.BigEndian.Uint64(it.Key()[1:]))
		if _, known := a.get(id); !known {
			orphans = append(orphans, id)
		}
		ok = it.SeekGE(archivedPrefix(id + 1))
	}
	if err := errors.Join(it.Error(), it.Close()); err != nil {
		return err
	}
	for _, id := range orphans {
		if err := d.dropCopies(id); err != nil {
			return err
		}
	}
	return nil
}

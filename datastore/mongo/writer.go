package mongo

import (
	"strconv"
	"strings"
	"sync/atomic"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

	"github.com/happn-host/happn-host/datastore/mongo/codec"
)

// writer makes the marks of a store's own writes: its id and a number that no
// two writes have in common, nor two tries of one. A write that changes nothing
// else changes its document thereby.
type writer struct {
	id    string
	count atomic.Uint64
}

// newWriter makes a writer whose id nobody else has.
func newWriter() *writer { return &writer{id: bson.NewObjectID().Hex()} }

// next returns the next mark.
func (w *writer) next() string { return w.id + "." + strconv.FormatUint(w.count.Add(1), 36) }

// MarshalBSONValue implements bson.ValueMarshaler: whenever an update is sent, or
// sent again, it has a mark of its own.
func (w *writer) MarshalBSONValue() (byte, []byte, error) {
	return byte(bson.TypeString), bsoncore.AppendString(nil, w.next()), nil
}

// number returns the number in a mark of this writer.
func (w *writer) number(mark string) (uint64, bool) {
	text, ok := strings.CutPrefix(mark, w.id+".")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 36, 64)
	return n, err == nil
}

// mark adds the mark to what an update sets, if others are watched.
func (s *Store) mark(set bson.D) bson.D {
	if s.external == nil {
		return set
	}
	return append(set, bson.E{Key: codec.Writer, Value: s.external.writer})
}

// markWhole adds the mark to a document.
func (s *Store) markWhole(raw bson.Raw) bson.Raw {
	if s.external == nil || len(raw) == 0 {
		return raw
	}
	body := raw[:len(raw)-1] // what follows is the byte that ends a document
	marked := bsoncore.AppendStringElement(append(make(bson.Raw, 0, len(raw)+64), body...), codec.Writer, s.external.writer.next())
	marked = append(marked, 0)
	return bson.Raw(bsoncore.UpdateLength(marked, 0, int32(len(marked))))
}

// marksKept is how many marks, back from the highest that came, are known to have
// come or not. Marks come out of order by as many as are on their way at a time,
// some thousands.
const marksKept = 1 << 20

// marks knows which marks have come. Each comes once: who reads a document and
// stores it again as a whole, mark and all, is somebody else.
type marks struct {
	highest uint64
	came    [marksKept / 64]uint64 // a bit for each number, modulo marksKept
}

// first reports whether the mark with this number comes for the first time.
func (m *marks) first(n uint64) bool {
	if n+marksKept <= m.highest {
		return false
	}
	for ; m.highest < n; m.highest++ {
		if n-m.highest > marksKept {
			m.came, m.highest = [marksKept / 64]uint64{}, n
			break
		}
		at := (m.highest + 1) % marksKept
		m.came[at/64] &^= 1 << (at % 64)
	}
	at := n % marksKept
	bit := uint64(1) << (at % 64)
	again := m.came[at/64]&bit != 0
	m.came[at/64] |= bit
	return !again
}

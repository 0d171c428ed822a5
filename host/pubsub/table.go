package pubsub

import "sync/atomic"

// table is a hash table from text to values that one goroutine at a time
// changes while any number reads, without locks. Entries are never taken out
// one by one: those whose value has become empty are left behind when the table
// is rebuilt.
type table[V interface{ empty() bool }] struct {
	slots atomic.Pointer[[]atomic.Pointer[entry[V]]]
	used  int // slots in use; the writer's
}

type entry[V any] struct {
	hash  uint64
	key   string
	value V
}

const minSlots = 4

// get returns the value for key, or the zero value.
func (t *table[V]) get(hash uint64, key []byte) (value V) {
	slots := t.slots.Load()
	if slots == nil {
		return value
	}
	mask := uint64(len(*slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		e := (*slots)[i].Load()
		if e == nil {
			return value
		}
		if e.hash == hash && e.key == string(key) {
			return e.value
		}
	}
}

// put adds a value for a key that has none. Writer only.
func (t *table[V]) put(hash uint64, key string, value V) {
	slots := t.slots.Load()
	if slots == nil || (t.used+1)*4 > len(*slots)*3 {
		slots = t.rebuild()
	}
	t.used++
	place(*slots, &entry[V]{hash: hash, key: key, value: value})
}

// rebuild makes a table of twice the size that the entries in use need.
func (t *table[V]) rebuild() *[]atomic.Pointer[entry[V]] {
	var live []*entry[V]
	if old := t.slots.Load(); old != nil {
		for i := range *old {
			if e := (*old)[i].Load(); e != nil && !e.value.empty() {
				live = append(live, e)
			}
		}
	}
	size := minSlots
	for size < (len(live)+1)*2 {
		size *= 2
	}
	slots := make([]atomic.Pointer[entry[V]], size)
	for _, e := range live {
		place(slots, e)
	}
	t.used = len(live)
	t.slots.Store(&slots)
	return &slots
}

func place[V any](slots []atomic.Pointer[entry[V]], e *entry[V]) {
	mask := uint64(len(slots) - 1)
	i := e.hash & mask
	for slots[i].Load() != nil {
		i = (i + 1) & mask
	}
	slots[i].Store(e)
}

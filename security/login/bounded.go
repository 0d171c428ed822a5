package login

import (
	"container/list"
	"hash/maphash"
)

// bounded keeps values by name, at most max of them; the one that was not used
// for the longest time gives way. Names are kept as their hash, with a seed that
// nobody knows: strangers choose them, of any length. It is not safe for
// concurrent use.
type bounded[V any] struct {
	max    int
	seed   maphash.Seed
	places map[[2]uint64]*list.Element
	order  list.List // of *kept[V], the last used one first
}

type kept[V any] struct {
	key   [2]uint64
	value V
}

func newBounded[V any](limit int) *bounded[V] {
	return &bounded[V]{max: limit, seed: maphash.MakeSeed(), places: map[[2]uint64]*list.Element{}}
}

// key is 128 bits long, so that nobody finds two names with the same one.
func (b *bounded[V]) key(name string) [2]uint64 {
	var h maphash.Hash
	h.SetSeed(b.seed)
	_, _ = h.WriteString(name) // never fails
	first := h.Sum64()
	_ = h.WriteByte(0xff)
	return [2]uint64{first, h.Sum64()}
}

// get returns the value of a name, which counts as used.
func (b *bounded[V]) get(name string) (value *V, ok bool) {
	place, ok := b.places[b.key(name)]
	if !ok {
		return nil, false
	}
	b.order.MoveToFront(place)
	return &place.Value.(*kept[V]).value, true
}

// add returns the value of a name, a new one if there is none. spared says
// which values give way only if there are no others among the oldest.
func (b *bounded[V]) add(name string, spared func(*V) bool) (value *V) {
	if value, ok := b.get(name); ok {
		return value
	}
	if len(b.places) >= b.max {
		b.makeRoom(spared)
	}
	entry := &kept[V]{key: b.key(name)}
	b.places[entry.key] = b.order.PushFront(entry)
	return &entry.value
}

// searched is how many of the oldest are looked at for one that may go.
const searched = 64

func (b *bounded[V]) makeRoom(spared func(*V) bool) {
	victim := b.order.Back()
	for place, n := victim, 0; spared != nil && place != nil && n < searched; place, n = place.Prev(), n+1 {
		if !spared(&place.Value.(*kept[V]).value) {
			victim = place
			break
		}
	}
	delete(b.places, b.order.Remove(victim).(*kept[V]).key)
}

func (b *bounded[V]) remove(name string) {
	key := b.key(name)
	if place, ok := b.places[key]; ok {
		b.order.Remove(place)
		delete(b.places, key)
	}
}

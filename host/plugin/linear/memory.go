package linear

// Memory is one linear memory. One goroutine uses it at a time.
type Memory struct {
	space  []byte // the address space, nil if there was none to be had
	usable int    // bytes at its beginning that may be touched
	bytes  []byte // what the guest has
	mapped []byte // what space is cut from, as the system gave it
}

// Reserve returns an empty memory that can grow to most bytes. It takes no
// memory but address space. Where there is none it takes Go's memory as it grows.
func Reserve(most uint64) *Memory {
	m := &Memory{}
	if most > 0 && most <= maxSpace {
		m.mapped, m.space = reserve(int(most))
	}
	return m
}

// maxSpace bounds an address space, in bytes: what 32 bits reach, where an int
// can say that.
const maxSpace = min(1<<32, uint64(^uint(0)>>1))

// Size returns how many bytes the guest has.
func (m *Memory) Size() int64 { return int64(len(m.bytes)) }

// Grow makes the memory size bytes long, of which those that are new are zero. It
// returns nil, and leaves the memory as it was, when size is more than was
// reserved, or when the system has no more; what a memory begins with comes from Go's heap then.
func (m *Memory) Grow(size uint64) []byte {
	switch {
	case m.space == nil:
		return m.growHeap(size)
	case size > uint64(len(m.space)):
		return nil
	case int(size) > m.usable:
		want := commitment(int(size), len(m.space))
		if commit(m.space[:want]) != nil {
			if m.bytes != nil {
				return nil
			}
			m.Release()
			return m.growHeap(size)
		}
		m.usable = want
	}
	m.bytes = m.space[:size:size]
	return m.bytes
}

// growHeap is Grow on Go's heap.
func (m *Memory) growHeap(size uint64) []byte {
	if size > uint64(cap(m.bytes)) {
		grown := make([]byte, size, max(size, uint64(len(m.bytes))*5/4))
		copy(grown, m.bytes)
		m.bytes = grown
	}
	m.bytes = m.bytes[:size]
	return m.bytes
}

// large is how much memory the systems that have large pages map at once, in bytes.
const large = 2 << 20

// commitment returns how much of the space is made usable for a guest that wants
// size bytes: as much for a small one, and whole large pages for others, which
// the first touch of each brings in at once in place of one after the other.
func commitment(size, most int) int {
	if size >= large {
		size = (size + large - 1) &^ (large - 1)
	}
	return min(size, most)
}

// Release gives everything back. Nobody may touch the memory afterwards.
func (m *Memory) Release() {
	if m.mapped != nil {
		release(m.mapped)
	}
	*m = Memory{}
}

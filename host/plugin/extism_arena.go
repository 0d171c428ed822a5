package plugin

import "slices"

// block is a piece of Extism's memory.
type block struct{ offset, size uint32 }

// Bounds of an arena.
const (
	arenaChunk = 16 << 10 // taken from Extism at a time, in bytes
	arenaFree  = 8        // freed blocks that are looked at before new memory is taken
	maxBlock   = 1 << 30  // bytes
)

// arena hands out blocks of Extism's memory for the time of one call, and knows
// which ones there are. Extism's own allocator walks a list that lies in that
// memory, and so does what guests write: who writes over the list makes it walk
// for ever, in code that nobody can stop. So it is asked for large pieces only,
// and guests write to blocks of theirs and nowhere else.
type arena struct {
	live     []block // by offset
	free     []block
	at, end  uint32 // what is left of the last piece
	lastSeen int    // index in live of the block that was found last
}

// reset forgets everything: Extism begins each call with empty memory.
func (a *arena) reset() { *a = arena{live: a.live[:0], free: a.free[:0]} }

// allocate hands out a block. take gets memory from Extism.
func (a *arena) allocate(size uint32, take func(size uint32) (offset uint32, ok bool)) (b block, ok bool) {
	b = block{size: size}
	if offset, ok := a.reuse(size); ok {
		b.offset = offset
	} else {
		if a.end-a.at < size {
			piece := max(size, arenaChunk)
			if a.at, ok = take(piece); !ok {
				a.end = a.at
				return block{}, false
			}
			a.end = a.at + piece
		}
		b.offset = a.at
		a.at += size
	}
	a.insert(b)
	return b, true
}

// reuse takes a freed block that is large enough and not much larger.
func (a *arena) reuse(size uint32) (offset uint32, ok bool) {
	for k := len(a.free) - 1; k >= max(0, len(a.free)-arenaFree); k-- {
		if f := a.free[k]; f.size >= size && f.size/2 <= size {
			a.free = slices.Delete(a.free, k, k+1)
			return f.offset, true
		}
	}
	return 0, false
}

func (a *arena) insert(b block) {
	k, _ := a.search(b.offset)
	a.live = slices.Insert(a.live, k, b)
}

// search finds where a block with this offset is or would be.
func (a *arena) search(offset uint32) (int, bool) {
	return slices.BinarySearchFunc(a.live, offset, func(b block, offset uint32) int {
		switch {
		case b.offset < offset:
			return -1
		case b.offset > offset:
			return 1
		}
		return 0
	})
}

// length returns the size of the block that begins at offset, 0 if there is none.
func (a *arena) length(offset uint64) uint32 {
	if offset > maxOffset {
		return 0
	}
	if k, found := a.search(uint32(offset)); found {
		return a.live[k].size
	}
	return 0
}

const maxOffset = 1<<32 - 1

// holds reports whether size bytes at offset lie in one block.
func (a *arena) holds(offset uint64, size uint32) bool {
	if offset > maxOffset {
		return false
	}
	if a.lastSeen < len(a.live) && a.live[a.lastSeen].has(offset, size) {
		return true
	}
	k, found := a.search(uint32(offset))
	if !found {
		k--
	}
	if k < 0 || !a.live[k].has(offset, size) {
		return false
	}
	a.lastSeen = k
	return true
}

func (b block) has(offset uint64, size uint32) bool {
	return offset >= uint64(b.offset) && offset+uint64(size) <= uint64(b.offset)+uint64(b.size)
}

// release takes a block back.
func (a *arena) release(offset uint64) {
	if offset > maxOffset {
		return
	}
	k, found := a.search(uint32(offset))
	if !found {
		return
	}
	b := a.live[k]
	a.live = slices.Delete(a.live, k, k+1)
	if b.offset+b.size == a.at {
		a.at = b.offset // it was the last one
		return
	}
	a.free = append(a.free, b)
}

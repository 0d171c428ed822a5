package arena

import "slices"

// Block is a piece of Extism's memory, in bytes.
type Block struct{ Offset, Size uint32 }

// Bounds of an arena.
const (
	chunk    = 16 << 10 // taken from Extism at a time, in bytes
	searched = 8        // freed blocks that are looked at before new memory is taken
	MaxBlock = 1 << 30  // bytes
)

// Arena hands out blocks of Extism's memory for the time of one call, and knows
// which ones there are. Extism's own allocator walks a list that lies in that
// memory, and so does what guests write: who writes over the list makes it walk
// for ever, in code that nobody can stop. So it is asked for large pieces only,
// and guests write to blocks of theirs and nowhere else.
type Arena struct {
	live     []Block // by offset
	free     []Block
	at, end  uint32 // what is left of the last piece
	lastSeen int    // index in live of the block that was found last
}

// Reset forgets everything: Extism begins each call with empty memory.
func (a *Arena) Reset() { *a = Arena{live: a.live[:0], free: a.free[:0]} }

// Allocate hands out a block. take gets memory from Extism.
func (a *Arena) Allocate(size uint32, take func(size uint32) (offset uint32, ok bool)) (b Block, ok bool) {
	b = Block{Size: size}
	if offset, ok := a.reuse(size); ok {
		b.Offset = offset
	} else {
		if a.end-a.at < size {
			piece := max(size, chunk)
			if a.at, ok = take(piece); !ok {
				a.end = a.at
				return Block{}, false
			}
			a.end = a.at + piece
		}
		b.Offset = a.at
		a.at += size
	}
	a.insert(b)
	return b, true
}

// reuse takes a freed block that is large enough and not much larger.
func (a *Arena) reuse(size uint32) (offset uint32, ok bool) {
	for k := len(a.free) - 1; k >= max(0, len(a.free)-searched); k-- {
		if f := a.free[k]; f.Size >= size && f.Size/2 <= size {
			a.free = slices.Delete(a.free, k, k+1)
			return f.Offset, true
		}
	}
	return 0, false
}

func (a *Arena) insert(b Block) {
	k, _ := a.search(b.Offset)
	a.live = slices.Insert(a.live, k, b)
}

// search finds where a block with this offset is or would be.
func (a *Arena) search(offset uint32) (int, bool) {
	return slices.BinarySearchFunc(a.live, offset, func(b Block, offset uint32) int {
		switch {
		case b.Offset < offset:
			return -1
		case b.Offset > offset:
			return 1
		}
		return 0
	})
}

// Length returns the size of the block that begins at offset, 0 if there is none.
func (a *Arena) Length(offset uint64) uint32 {
	if offset > MaxOffset {
		return 0
	}
	if k, found := a.search(uint32(offset)); found {
		return a.live[k].Size
	}
	return 0
}

// MaxOffset is the last offset that memory can have.
const MaxOffset = 1<<32 - 1

// Holds reports whether size bytes at offset lie in one block.
func (a *Arena) Holds(offset uint64, size uint32) bool {
	if offset > MaxOffset {
		return false
	}
	if a.lastSeen < len(a.live) && a.live[a.lastSeen].Has(offset, size) {
		return true
	}
	k, found := a.search(uint32(offset))
	if !found {
		k--
	}
	if k < 0 || !a.live[k].Has(offset, size) {
		return false
	}
	a.lastSeen = k
	return true
}

// Has reports whether size bytes at offset lie in the block.
func (b Block) Has(offset uint64, size uint32) bool {
	return offset >= uint64(b.Offset) && offset+uint64(size) <= uint64(b.Offset)+uint64(b.Size)
}

// Release takes a block back.
func (a *Arena) Release(offset uint64) {
	if offset > MaxOffset {
		return
	}
	k, found := a.search(uint32(offset))
	if !found {
		return
	}
	b := a.live[k]
	a.live = slices.Delete(a.live, k, k+1)
	if b.Offset+b.Size == a.at {
		a.at = b.Offset // it was the last one
		return
	}
	a.free = append(a.free, b)
}

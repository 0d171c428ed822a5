package plugin

import (
	"github.com/tetratelabs/wazero/experimental"

	"github.com/happn-host/happn-host/host/plugin/limit"
	"github.com/happn-host/happn-host/host/plugin/linear"
)

// memoryBudget gives one guest its memories, and bounds what they take together, in bytes:
// Extism keeps messages in one of their own. They stay until the budget's owner
// closes it, who knows that no call is under way: the engine gives a memory back as
// soon as a guest exits, from within the call.
type memoryBudget struct {
	gen         *generation
	limit, left int64
	memories    []*linear.Memory
}

// newMemoryBudget is what the limits of a guest's version allow.
func newMemoryBudget(g *generation) memoryBudget {
	limit := int64(g.manifest.Limits.MemoryMiB) << 20
	return memoryBudget{gen: g, limit: limit, left: limit}
}

// refuse tells the operator that a guest wants to grow to so many bytes.
func (b *memoryBudget) refuse(size int64) {
	if times, due := b.gen.refused.Due(limit.MemoryMiB); due {
		limit.MemoryMiB.Tell(b.gen.log, b.gen.manifest.Limits.Over(limit.MemoryMiB, nil, "memory would grow to %d bytes", size), times)
	}
}

// Allocate implements experimental.MemoryAllocator.
func (b *memoryBudget) Allocate(_, most uint64) experimental.LinearMemory {
	m := linear.Reserve(min(most, uint64(b.limit)))
	b.memories = append(b.memories, m)
	return &linearMemory{Memory: m, budget: b}
}

// used returns how much memory there is.
func (b *memoryBudget) used() int64 { return b.limit - b.left }

// close gives all memories back. No call may be under way, and nobody may read them later.
func (b *memoryBudget) close() {
	for _, m := range b.memories {
		m.Release()
	}
	b.memories = nil
}

// linearMemory is one memory of a guest.
type linearMemory struct {
	*linear.Memory
	budget *memoryBudget
	begun  bool // it has what it begins with
}

// Reallocate implements experimental.LinearMemory. What a memory begins with is
// always given, since the engine expects it; the budget is below zero after that.
func (m *linearMemory) Reallocate(size uint64) []byte {
	more := int64(size) - m.Size()
	if more > m.budget.left && m.begun {
		m.budget.refuse(m.budget.used() + more)
		return nil
	}
	bytes := m.Grow(size)
	if bytes != nil {
		m.budget.left -= more
	}
	m.begun = true
	return bytes
}

// Free implements experimental.LinearMemory. The budget's owner gives memories back.
func (m *linearMemory) Free() {}

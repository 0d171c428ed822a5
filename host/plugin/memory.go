package plugin

import (
	"errors"

	"github.com/tetratelabs/wazero/experimental"

	"github.com/happn-host/happn-host/host/plugin/linear"
)

// memoryBudget gives one guest its memories, and bounds what they take together, in bytes:
// Extism keeps messages in one of their own. They stay until the budget's owner
// closes it, who knows that no call is under way: the engine gives a memory back as
// soon as a guest exits, from within the call.
type memoryBudget struct {
	limit, left int64
	memories    []*linear.Memory
}

var errMemoryBudget = errors.New("the module and Extism begin with more memory than the limit (limits.memoryMiB)")

// newMemoryBudget is one of so many MiB.
func newMemoryBudget(mib int) memoryBudget {
	return memoryBudget{limit: int64(mib) << 20, left: int64(mib) << 20}
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

package arena_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/plugin/arena"
)

// memory gives pieces one behind the other, with what keeps account of them between, until
// there is none left.
type memory struct{ next, most uint32 }

func (m *memory) take(size uint32) (offset uint32, ok bool) {
	if size > m.most-m.next {
		return 0, false
	}
	offset = m.next
	m.next += size + 16
	return offset, true
}

func TestBlocks(t *testing.T) {
	m := &memory{next: 64, most: 1 << 20}
	var a arena.Arena
	one, ok := a.Allocate(10, m.take)
	require.True(t, ok)
	require.Equal(t, arena.Block{Offset: 64, Size: 10}, one)
	other, ok := a.Allocate(20, m.take)
	require.True(t, ok)
	require.Equal(t, arena.Block{Offset: 74, Size: 20}, other, "out of the same piece")

	require.EqualValues(t, 10, a.Length(64))
	require.Zero(t, a.Length(65), "no block begins there")
	require.Zero(t, a.Length(1<<32+64))
	for _, c := range []struct {
		offset uint64
		size   uint32
		want   bool
	}{{64, 10, true}, {64, 11, false}, {73, 1, true}, {73, 2, false}, {93, 1, true}, {94, 1, false}, {63, 1, false}, {1<<32 + 64, 1, false}} {
		require.Equal(t, c.want, a.Holds(c.offset, c.size), "%d bytes at %d", c.size, c.offset)
	}

	a.Release(64)
	a.Release(64)
	require.False(t, a.Holds(64, 1))
	again, ok := a.Allocate(8, m.take)
	require.True(t, ok)
	require.Equal(t, arena.Block{Offset: 64, Size: 8}, again, "what was given back is used again")

	_, ok = a.Allocate(1<<20, m.take)
	require.False(t, ok)
	require.True(t, a.Holds(74, 20), "the others stay")
	a.Reset()
	require.False(t, a.Holds(74, 1))
}

// FuzzBlocks compares with a list of blocks: two bytes are one request or one release.
func FuzzBlocks(f *testing.F) {
	f.Add([]byte{1, 10, 1, 20, 0, 0, 1, 8, 1, 255, 0, 1, 0, 0})
	f.Fuzz(func(t *testing.T, steps []byte) {
		m := &memory{next: 8, most: 1 << 18}
		var a arena.Arena
		var live []arena.Block
		for ; len(steps) > 1; steps = steps[2:] {
			if steps[0] == 0 && len(live) > 0 {
				at := int(steps[1]) % len(live)
				a.Release(uint64(live[at].Offset))
				live = append(live[:at], live[at+1:]...)
				continue
			}
			b, ok := a.Allocate(1+uint32(steps[0])*uint32(steps[1]), m.take)
			if !ok {
				continue
			}
			for _, o := range live {
				require.True(t, b.Offset >= o.Offset+o.Size || o.Offset >= b.Offset+b.Size, "%v overlaps %v", b, o)
			}
			live = append(live, b)
		}
		for _, b := range live {
			require.GreaterOrEqual(t, a.Length(uint64(b.Offset)), uint32(1))
			require.True(t, a.Holds(uint64(b.Offset), b.Size))
			require.False(t, a.Holds(uint64(b.Offset), b.Size+1) && a.Length(uint64(b.Offset)) == b.Size)
		}
	})
}

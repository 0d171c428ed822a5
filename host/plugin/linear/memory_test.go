package linear_test

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/plugin/linear"
)

const mib = 1 << 20

func TestMemoryGrowsAndKeepsWhatItHas(t *testing.T) {
	for _, most := range []uint64{64 << 10, mib, 3 * mib, 16 * mib} {
		m := linear.Reserve(most)
		var b []byte
		for size := uint64(64 << 10); size <= most; size *= 2 {
			before := len(b)
			b = m.Grow(size)
			require.Len(t, b, int(size))
			require.Len(t, b, cap(b))
			require.EqualValues(t, size, m.Size())
			require.Equal(t, size-uint64(before), uint64(bytes.Count(b[before:], []byte{0})), "not all that is new is clear")
			if before > 0 {
				require.Equal(t, byte(1), b[0])
				require.Equal(t, byte(2), b[before-1])
			}
			b[0], b[size-1] = 1, 2
		}
		m.Release()
		require.Zero(t, m.Size())
	}
}

func TestMemoryBeginsWithNothing(t *testing.T) {
	for _, most := range []uint64{0, 64 << 10} {
		m := linear.Reserve(most)
		require.Empty(t, m.Grow(0))
		m.Release()
		m.Release()
	}
}

// What can grow in place does not move, and not beyond what was reserved.
func TestMemoryStaysWhereItIs(t *testing.T) {
	inPlace(t)
	m := linear.Reserve(3 * mib)
	defer m.Release()
	first := &m.Grow(64 << 10)[0]
	require.Same(t, first, &m.Grow(3 * mib)[0])
	require.Nil(t, m.Grow(5*mib))
	require.EqualValues(t, 3*mib, m.Size())
}

func inPlace(t *testing.T) {
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		t.Skip("memory of this system comes from Go's heap")
	}
}

// To grow costs what a system call costs, however much there is: nothing is
// copied, cleared or left for the collector.
func TestGrowingTakesNoTime(t *testing.T) {
	inPlace(t)
	best := time.Hour
	for range 5 {
		m := linear.Reserve(256 * mib)
		b := m.Grow(64 << 10)
		b[0] = 1
		began := time.Now()
		require.NotNil(t, m.Grow(256*mib))
		best = min(best, time.Since(began))
		m.Release()
	}
	require.Less(t, best, time.Millisecond)
}

func TestReleasedMemoryIsTheSystemsAgain(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc")
	}
	before := resident(t)
	for range 20 {
		m := linear.Reserve(16 * mib)
		b := m.Grow(16 * mib)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		m.Release()
	}
	require.Less(t, resident(t), before+16*mib)
}

// resident returns how many bytes of memory the process has.
func resident(t *testing.T) int64 {
	text, err := os.ReadFile("/proc/self/statm")
	require.NoError(t, err)
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	require.NoError(t, err)
	return pages * int64(os.Getpagesize())
}

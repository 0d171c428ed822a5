package limit_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/plugin/limit"
	"github.com/happn-host/happn-host/host/plugin/object"
)

func TestWhoHasTheLastWord(t *testing.T) {
	host := limit.Set{Timeout: time.Second, MemoryMiB: 16}
	for name, c := range map[string]struct{ module, want limit.Set }{
		"nothing is said":       {want: host},
		"less is wanted":        {limit.Set{MemoryMiB: 8}, limit.Set{Timeout: time.Second, MemoryMiB: 8}},
		"more is wanted":        {limit.Set{MemoryMiB: 32, Timeout: time.Minute}, host},
		"what the host lets be": {limit.Set{Fuel: 5}, limit.Set{Timeout: time.Second, MemoryMiB: 16, Fuel: 5}},
	} {
		require.Equal(t, c.want, c.module.Within(host), name)
	}
	require.Equal(t, limit.Set{Timeout: time.Minute, MemoryMiB: 16}, limit.Set{Timeout: time.Minute}.Or(host), "an operator may say more")
}

func TestFuelFollowsFromTime(t *testing.T) {
	l := limit.Set{Timeout: 9 * time.Millisecond, StartFuel: 7}.Fuelled()
	require.Equal(t, 1_000_000_000, l.Fuel)
	require.Equal(t, 7, l.StartFuel, "unless somebody says how much")
}

func TestDefaultsAreThoseOfTheTable(t *testing.T) {
	l := limit.Default()
	for n := range limit.Count {
		if n != limit.Instances {
			require.Equal(t, n.Row().Standard, l.Value(n), n)
		}
	}
	require.Positive(t, l.Instances)
}

func TestFilesSayLimitsByTheirKeys(t *testing.T) {
	for n := range limit.Count {
		row := n.Row()
		for value, fits := range map[int64]bool{row.Most: true, row.Most + 1: false, 0: false, -1: false} {
			var says any = int(value)
			if row.InTime() {
				says = time.Duration(value).String()
			}
			o, err := object.New("f", map[string]any{"limits": map[string]any{row.Key: says}})
			require.NoError(t, err)
			l := limit.Read(o)
			if err = o.Finish(); !fits {
				require.ErrorContains(t, err, "f: "+n.String()+": expected a", value)
				continue
			}
			require.NoError(t, err)
			require.Equal(t, value, l.Value(n))
		}
	}
}

func TestErrorsTellWhichLimitAndWhatItIs(t *testing.T) {
	l, as := limit.Set{MemoryMiB: 8, Timeout: time.Minute}, errors.New("too large")
	for says, err := range map[string]error{
		"7 things, above the limit of 8 MiB (limits.memoryMiB)":                         l.Over(limit.MemoryMiB, nil, "%d things", 7),
		"too large: it, above the limit of 1m0s (limits.timeout, which goes no higher)": l.Over(limit.Timeout, as, "it"),
		"slow": limit.Drain.Wrap(errors.New("slow")),
	} {
		require.EqualError(t, err, says)
		_, ok := limit.Of(fmt.Errorf("more: %w", err))
		require.True(t, ok)
	}
	require.ErrorIs(t, l.Over(limit.Timeout, as, "it"), as)
	n, ok := limit.Of(l.Over(limit.MemoryMiB, nil, "it"))
	require.True(t, ok)
	require.Equal(t, limit.MemoryMiB, n)
	_, ok = limit.Of(as)
	require.False(t, ok)
}

func TestRefusalsAreCountedAndToldOnceAMinute(t *testing.T) {
	var log strings.Builder
	var r, next limit.Refusals
	l := limit.Default()
	for range 5 {
		r.Tell(slog.New(slog.NewTextHandler(&log, nil)), l.Over(limit.HostCalls, nil, "calls"))
	}
	require.Equal(t, 1, strings.Count(log.String(), "\n"))
	require.Contains(t, log.String(), `limit=limits.hostCalls reason="calls, above the limit of 10000 (limits.hostCalls)" times=1`)
	r.Count(l.Over(limit.Timers, nil, "timers"))
	r.Count(errors.New("something else"))
	r.Add(limit.Timers)
	next.Add(limit.HostCalls)
	next.Inherit(&r)
	require.Equal(t, map[string]uint64{"hostCalls": 5, "timers": 2}, r.Counts())
	require.Equal(t, map[string]uint64{"hostCalls": 6, "timers": 2}, next.Counts())
}

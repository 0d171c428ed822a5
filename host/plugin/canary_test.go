package plugin_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin"
)

// of returns a request of one session.
func of(session int) *abi.Record {
	rec := request()
	rec.SessionID = fmt.Appendf(nil, "5f0c2a%d", session)
	return rec
}

// version returns which of the two versions that answer REJECT with their name a
// session sees.
func (f *folder) version(session int) string {
	f.t.Helper()
	rec := of(session)
	v, err := f.call(rec)
	require.NoError(f.t, err)
	require.Equal(f.t, abi.VerdictReject, v)
	return string(rec.Error)
}

// seeing returns which of so many sessions see a version.
func (f *folder) seeing(version string, sessions int) map[int]bool {
	f.t.Helper()
	all := map[int]bool{}
	for s := range sessions {
		if f.version(s) == version {
			all[s] = true
		}
	}
	return all
}

// both starts a Manager with a plugin and its canary, which must run.
func both(t testing.TB, stable, canary []byte, operator string, change func(*plugin.Options)) *folder {
	t.Helper()
	f := open(t, change)
	require.NoError(t, os.WriteFile(filepath.Join(f.dir, "p.yaml"), []byte(operator), 0o600))
	f.put("p.wasm", stable)
	f.put("p.canary.wasm", canary)
	info := f.only()
	require.Equal(t, plugin.StateReady, info.State, info.Reason)
	require.NotNil(t, info.Canary)
	require.Equal(t, plugin.StateReady, info.Canary.State, info.Canary.Reason)
	return f
}

func (f *folder) canary() plugin.CanaryInfo {
	f.t.Helper()
	c := f.only().Canary
	require.NotNil(f.t, c)
	return *c
}

// awaitCanary waits until the canary is in a state.
func (f *folder) awaitCanary(state plugin.State) plugin.CanaryInfo {
	f.t.Helper()
	require.Eventually(f.t, func() bool { c := f.only().Canary; return c != nil && c.State == state }, 20*time.Second, 5*time.Millisecond)
	return f.canary()
}

func old() []byte { return says(abi.VerdictReject, []byte("old")) }

func next() []byte { return says(abi.VerdictReject, []byte("new")) }

func TestACanaryIsSeenByItsShareOfSessions(t *testing.T) {
	const sessions = 4000
	f := both(t, old(), next(), "", nil)
	before := map[int]bool{}
	for _, share := range []int{1, 10, 50, 90, 100} {
		f.put("p.yaml", fmt.Appendf(nil, "canary: {share: %d}", share))
		require.Equal(t, share, f.canary().Share)
		seeing := f.seeing("new", sessions)
		want, part := float64(sessions*share)/100, float64(share)/100
		require.InDelta(t, want, len(seeing), 5*math.Sqrt(sessions*part*(1-part)), "five standard deviations")
		for s := range before {
			require.True(t, seeing[s], "a greater share takes no session away")
		}
		require.Equal(t, seeing, f.seeing("new", sessions), "a session sees one version")
		c, all := f.canary(), f.only().Counts
		require.EqualValues(t, 2*len(seeing), c.Calls, "each version counts its own")
		require.EqualValues(t, 2*len(seeing), c.Refused)
		require.Equal(t, c.Calls, c.Hooks[0].Calls)
		require.Zero(t, all.Errors+all.Traps)
		before = seeing
	}
	f.put("p.yaml", []byte("canary: {share: 10}"))
	for s := range f.seeing("new", sessions) {
		require.True(t, before[s])
	}
}

func TestPluginsDivideSessionsEachInItsOwnWay(t *testing.T) {
	f := both(t, old(), next(), "canary: {share: 50}", nil)
	f.put("q.wasm", old())
	f.put("q.canary.wasm", next())
	f.put("q.yaml", []byte("canary: {share: 50}"))
	same := 0
	for s := range 1000 {
		one, other := of(s), of(s)
		for i, rec := range []*abi.Record{one, other} {
			_, err := f.Inbound()[i].Call(context.Background(), rec)
			require.NoError(t, err)
		}
		if string(one.Error) == string(other.Error) {
			same++
		}
	}
	require.InDelta(t, 500, same, 80)
}

func TestARecordWithoutASessionIsTheStableVersions(t *testing.T) {
	f := both(t, old(), next(), "canary: {share: 100}", nil)
	rec := request()
	rec.SessionID = nil
	_, err := f.call(rec)
	require.NoError(t, err)
	require.Equal(t, "old", string(rec.Error))
	require.Equal(t, "new", f.version(1))
}

func TestACanaryEndsWithItsFile(t *testing.T) {
	f := both(t, old(), next(), "canary: {share: 100}", nil)
	require.Equal(t, "new", f.version(1))
	f.remove("p.canary.wasm")
	require.Nil(t, f.only().Canary)
	require.Equal(t, "old", f.version(1))
	require.Contains(t, f.log.String(), "canary removed")

	f.put("p.canary.wasm", next())
	require.Equal(t, "new", f.version(1))
	f.remove("p.wasm")
	require.Empty(t, f.Inbound())
	orphan := f.only()
	require.Equal(t, "p.canary.wasm", orphan.File)
	require.Equal(t, plugin.StateRefused, orphan.State)
	require.Contains(t, orphan.Reason, "it is the canary of p.wasm, which is not there")
	f.put("p.wasm", old())
	require.Equal(t, "p.wasm", f.only().File)
	require.Equal(t, "new", f.version(1))

	_, err := f.Disable(ctx(t), "p", "")
	require.NoError(t, err)
	require.Empty(t, f.Inbound())
	require.Contains(t, f.canary().Reason, "waits until p.wasm runs")
	_, err = f.Enable(ctx(t), "p")
	require.NoError(t, err)
	require.Equal(t, "new", f.version(1))
}

// Sessions call without a pause while canaries come, are promoted and rolled
// back: each call is made once and answered, and a session sees no version that
// is older than one it has seen before of those that were promoted.
func TestCanariesUnderLoadLoseNothing(t *testing.T) {
	module := func(version int) []byte { return says(abi.VerdictReject, fmt.Appendf(nil, "%d", version)) }
	f := open(t, func(o *plugin.Options) { o.Limits.Wait, o.Limits.Timeout = time.Minute, time.Minute })
	f.put("p.yaml", []byte("on_error: close\ncanary: {share: 50, minCalls: 1000000}"))
	f.put("p.wasm", module(0))
	var stop atomic.Bool
	var calls atomic.Int64
	var promoted atomic.Int64 // what every session sees at least
	var running sync.WaitGroup
	defer running.Wait()
	defer stop.Store(true)
	for s := range 6 {
		running.Go(func() {
			for !stop.Load() {
				least := promoted.Load()
				rec := of(s)
				v, err := f.Inbound()[0].Call(context.Background(), rec)
				calls.Add(1)
				var seen int64
				if _, scan := fmt.Sscan(string(rec.Error), &seen); err != nil || v != abi.VerdictReject || scan != nil || seen < least {
					t.Error(v, err, seen, least)
					return
				}
			}
		})
	}
	asked := uint64(0) // of canaries, as such
	for version := 1; version <= 10; version++ {
		f.put("p.canary.wasm", module(version))
		require.Equal(t, plugin.StateReady, f.canary().State)
		least := calls.Load() + 50
		require.Eventually(t, func() bool { return calls.Load() > least }, 20*time.Second, time.Millisecond)
		if version%3 == 0 {
			_, err := f.Rollback(ctx(t), "p", "")
			require.NoError(t, err)
			asked += f.canary().Calls
			continue
		}
		_, err := f.Promote(ctx(t), "p", "")
		require.NoError(t, err)
		promoted.Store(int64(version))
	}
	stop.Store(true)
	running.Wait()
	info := f.only()
	require.EqualValues(t, 7, info.Promoted)
	require.EqualValues(t, 3, info.RolledBack)
	require.Zero(t, info.Traps+info.Errors+info.Skipped)
	require.LessOrEqual(t, info.Calls+asked, uint64(calls.Load()), "none was made twice")
}

package plugin_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
)

func TestACanaryIsPromotedByCommand(t *testing.T) {
	f := both(t, old(), withManifest(t, next(), `{"name":"p","version":"2.0"}`), "canary: {share: 30}", nil)
	for s := range 100 {
		f.version(s)
	}
	before, canary := f.only(), f.canary()
	require.EqualValues(t, 100, before.Calls+canary.Calls)
	info, err := f.Promote(ctx(t), "p", "ann")
	require.NoError(t, err)
	require.Nil(t, info.Canary)
	require.Equal(t, "2.0", info.Version)
	require.Equal(t, canary.SHA256, info.SHA256)
	require.EqualValues(t, 1, info.Promoted)
	require.Equal(t, before.Calls, info.Calls, "what it was asked as a canary counts there")
	require.Len(t, f.seeing("new", 100), 100)
	require.Equal(t, before.Calls+100, f.only().Calls)
	require.Equal(t, before.Calls+100, f.only().Hooks[0].Calls)
	require.NoFileExists(t, filepath.Join(f.dir, "p.canary.wasm"))
	require.Equal(t, 1, strings.Count(f.log.String(), `msg="plugin ready"`), "the running generation goes on")
	f.rescan()
	require.Equal(t, 1, strings.Count(f.log.String(), `msg="plugin ready"`))
	require.Contains(t, f.log.String(), "canary promoted")
	_, err = f.Promote(ctx(t), "p", "ann")
	require.ErrorIs(t, err, plugin.ErrNoCanary)
	require.ErrorContains(t, err, "put the candidate into the plugins folder as p.canary.wasm")

	f.put("p.canary.wasm", old())
	require.Equal(t, plugin.StateReady, f.canary().State, "the way back is a canary, too")
	calls := f.only().Calls
	_, err = f.Reload(ctx(t), "p")
	require.NoError(t, err)
	require.Equal(t, calls, f.only().Calls, "what it was asked since outlives it")
}

func TestAPromotedCanaryIsLeftAloneAsAnyPluginIs(t *testing.T) {
	f := both(t, old(), sometimes(asm.Unreachable), "canary: {share: 100, maxFaults: 1}", func(o *plugin.Options) {
		o.Breaker.Faults, o.Limits.Wait = 3, 10*time.Second
	})
	_, err := f.Promote(ctx(t), "p", "")
	require.NoError(t, err)
	for range 2 {
		rec := of(1)
		rec.Path = []byte("!boom")
		_, err := f.call(rec)
		require.ErrorContains(t, err, "trapped")
		v, err := f.call(of(1))
		require.NoError(t, err)
		require.Equal(t, abi.VerdictPass, v, "another instance took its place")
	}
	require.EqualValues(t, 2, f.only().Traps)
}

func TestACanaryIsRolledBackByCommand(t *testing.T) {
	f := both(t, old(), next(), "canary: {share: 100}", nil)
	info, err := f.Rollback(ctx(t), "p", "ann")
	require.NoError(t, err)
	require.Equal(t, plugin.StateRolledBack, info.Canary.State)
	require.Contains(t, info.Canary.Reason, "by ann: by command; happn-host plugin reload tries it again")
	require.Equal(t, "old", f.version(1))
	require.FileExists(t, filepath.Join(f.dir, "p.canary.wasm"), "the folder is its operator's")
	_, err = f.Rollback(ctx(t), "p", "ann")
	require.ErrorIs(t, err, plugin.ErrNoCanary)
	for name, do := range map[string]func(context.Context, string, string) (plugin.Info, error){"promote": f.Promote, "rollback": f.Rollback} {
		_, err = do(ctx(t), "q", "")
		require.ErrorIs(t, err, plugin.ErrUnknown, name)
	}
}

func TestACanaryIsPromotedByItselfAfterEnoughCallsWithoutTrouble(t *testing.T) {
	f := both(t, old(), next(), "canary: {share: 100, promoteAfter: 10ms, minCalls: 20}", nil)
	for range 19 {
		f.version(1)
	}
	time.Sleep(600 * time.Millisecond) // it is looked at twice meanwhile
	require.NotNil(t, f.only().Canary, "too few calls tell nothing")
	f.version(1)
	require.Eventually(t, func() bool { return f.only().Canary == nil }, 20*time.Second, 5*time.Millisecond)
	require.EqualValues(t, 1, f.only().Promoted)
	require.Equal(t, "new", f.version(1))

	f = both(t, old(), next(), "canary: {share: 100, promoteAfter: 0, minCalls: 1}", nil)
	f.version(1)
	time.Sleep(600 * time.Millisecond)
	require.NotNil(t, f.only().Canary, "by command only")
}

func TestAPromotionDoesNotOverwriteWhatNobodyRuns(t *testing.T) {
	f := both(t, old(), next(), "canary: {share: 100}", nil)
	broken := []byte("garbage")
	f.put("p.wasm", broken)
	require.Equal(t, plugin.StateDegraded, f.only().State)
	_, err := f.Promote(ctx(t), "p", "")
	require.ErrorContains(t, err, "the files of p.wasm are refused")
	require.Equal(t, "new", f.version(1), "it goes on meanwhile")
	content, err := os.ReadFile(filepath.Join(f.dir, "p.wasm"))
	require.NoError(t, err)
	require.Equal(t, broken, content)
	f.put("p.wasm", old())
	f.drop("p.canary.wasm", passes())
	_, err = f.Promote(ctx(t), "p", "")
	if err != nil { // unless the watcher was faster
		require.ErrorContains(t, err, "p.canary.wasm has changed")
	}
}

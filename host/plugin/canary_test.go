package plugin_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
	"github.com/happn-host/happn-host/host/plugin/signature"
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

func TestACanaryThatKeepsFailingIsRolledBack(t *testing.T) {
	state := filepath.Join(t.TempDir(), "plugins.json")
	canary := sometimes(asm.Unreachable)
	f := both(t, old(), canary, "on_error: close\ncanary: {share: 100, maxFaults: 3}", func(o *plugin.Options) {
		o.StateFile, o.Limits.Wait = state, 10*time.Second
	})
	for range 3 {
		rec := of(1)
		rec.Path = []byte("!boom")
		v, err := f.call(rec)
		require.NoError(t, err, "a fault of a canary costs nobody an answer")
		require.Equal(t, abi.VerdictReject, v)
		require.Equal(t, "old", string(rec.Error))
	}
	require.Equal(t, "old", f.version(1), "at once")
	c := f.awaitCanary(plugin.StateRolledBack)
	require.Contains(t, c.Reason, "it failed 3 times within 1m0s (canary.maxFaults): trapped")
	require.EqualValues(t, 3, c.Traps)
	require.Contains(t, f.log.String(), "canary rolled back")
	info := f.only()
	require.EqualValues(t, 1, info.RolledBack)
	require.Equal(t, plugin.StateReady, info.State)
	require.Zero(t, info.Traps, "the plugin itself is blameless")
	require.EqualValues(t, 4, info.Calls)

	f.put("p.yaml", []byte("canary: {share: 100}")) // loads everything again
	require.Equal(t, plugin.StateRolledBack, f.canary().State, "the same content is not tried again")
	again, err := plugin.Open(ctx(t), plugin.Options{Dir: f.dir, StateFile: state})
	require.NoError(t, err)
	require.Equal(t, plugin.StateRolledBack, again.List()[0].Canary.State, "not by the next start either")
	require.Contains(t, again.List()[0].Canary.Reason, "canary.maxFaults")
	require.NoError(t, again.Close())

	f.put("p.canary.wasm", next())
	require.Equal(t, "new", f.version(1), "other content is")
	f.put("p.canary.wasm", canary)
	require.Equal(t, plugin.StateRolledBack, f.canary().State)
	info, err = f.Reload(ctx(t), "p")
	require.NoError(t, err)
	require.Equal(t, plugin.StateReady, info.Canary.State, "the operator says so")
}

func TestACanaryThatAnswersWorseIsRolledBack(t *testing.T) {
	for name, c := range map[string]struct {
		stable, canary []byte
		rules, says    string
	}{
		"errors":      {passes(), says(abi.VerdictError, []byte("no")), "", "it failed on 50 of 50 calls, 100.0 %, and the version that runs on 0.0 % of 100 (canary.maxErrors)"},
		"invalid":     {passes(), says(abi.VerdictReplace, []byte("no record")), "", "it failed on 50 of 50 calls"},
		"refusals":    {passes(), says(abi.VerdictReject, []byte("no")), "", "it refused 50 of 50 calls, 100.0 %, and the version that runs on 0.0 % of 50 (canary.maxRefusals)"},
		"drops":       {passes(), says(abi.VerdictDrop, nil), "", "canary.maxRefusals"},
		"as it wants": {passes(), says(abi.VerdictReject, []byte("no")), ", maxRefusals: 100", ""},
		"as before":   {old(), next(), ", maxErrors: 0, maxRefusals: 0", ""},
		"better":      {says(abi.VerdictError, []byte("no")), passes(), ", maxErrors: 0, maxRefusals: 0", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := both(t, c.stable, c.canary, "canary: {share: 100, minCalls: 50"+c.rules+"}", nil)
			for s := range 50 {
				_, _ = f.call(of(s))
				rec := request()
				rec.SessionID = nil // for the comparison
				_, _ = f.call(rec)
			}
			if c.says != "" {
				require.Contains(t, f.awaitCanary(plugin.StateRolledBack).Reason, c.says)
				return
			}
			time.Sleep(600 * time.Millisecond) // it is looked at twice meanwhile
			require.Equal(t, plugin.StateReady, f.canary().State, f.canary().Reason)
		})
	}
}

func TestWhatACanaryHasDoneInTheHostIsNotDoneAgain(t *testing.T) {
	module := func(then ...[]byte) []byte {
		m := &asm.Module{}
		set := m.Import("happn", "set", []byte{0x7f, 0x7f}, asm.I32)
		bare(m)
		doc := record(t, abi.Record{Path: []byte("/a"), Data: []byte("1")})
		m.Data(output, doc)
		m.Func(abi.ExportInbound, asm.I32, asm.I64, nil, asm.Join(
			asm.I32Const(output), asm.I32Const(int32(len(doc))), asm.Call(set), asm.Drop, asm.Join(then...)))
		return m.Bytes()
	}
	w := newWorld()
	f := both(t, module(verdict(abi.VerdictPass, 0, 0)), module(asm.Unreachable), "on_error: reject\npermissions: {/a: {actions: [set]}}\ncanary: {share: 100}",
		func(o *plugin.Options) { o.Services = w })
	v, err := f.call(of(1))
	require.ErrorContains(t, err, "trapped")
	require.Equal(t, abi.VerdictReject, v, "on_error decides, as for any version")
	require.Len(t, w.asked, 1, "the plugin's own version was not asked to do it again")
}

func TestACanaryThatCannotBeTriedIsRefused(t *testing.T) {
	stable := withManifest(t, old(), `{"name":"p","hooks":[{"kind":"inbound","order":3,"paths":["/a/*"],"actions":["set"]}]}`)
	hooks := func(hooks string) []byte { return withManifest(t, next(), `{"name":"p","hooks":[`+hooks+`]}`) }
	two := &asm.Module{}
	bare(two)
	for _, e := range []string{abi.ExportInbound, abi.ExportOutbound} {
		two.Func(e, asm.I32, asm.I64, nil, verdict(abi.VerdictPass, 0, 0))
	}
	f := open(t, nil)
	f.put("p.wasm", stable)
	for name, c := range map[string]struct {
		canary []byte
		says   string
	}{
		"half-written":  {next()[:40], "module ends too early"},
		"no plugin":     {[]byte("hello"), "not a WebAssembly module"},
		"the same":      {stable, "it is the very module that runs as p.wasm"},
		"another name":  {withManifest(t, next(), `{"name":"q"}`), `name: it is "q", and the plugin is "p"`},
		"other paths":   {hooks(`{"kind":"inbound","order":3,"paths":["/b/*"],"actions":["set"]}`), "the paths of its inbound hook are not those of p.wasm; put it in the place of p.wasm instead"},
		"other actions": {hooks(`{"kind":"inbound","order":3,"paths":["/a/*"],"actions":["get"]}`), "the actions of its inbound hook"},
		"another order": {hooks(`{"kind":"inbound","order":4,"paths":["/a/*"],"actions":["set"]}`), "the order of its inbound hook"},
		"a further hook": {withManifest(t, two.Bytes(), `{"name":"p","hooks":[{"kind":"inbound","order":3,"paths":["/a/*"],"actions":["set"]},{"kind":"outbound"}]}`),
			"it has a hook of kind outbound, which p.wasm has not"},
		"another hook":   {withManifest(t, two.Bytes(), `{"name":"p","hooks":[{"kind":"outbound"}]}`), "it has no inbound hook, which p.wasm has"},
		"does not start": {withManifest(t, startsAt(time.Now().Add(time.Hour)), `{"name":"p","hooks":[{"kind":"inbound","order":3,"paths":["/a/*"],"actions":["set"]}],"limits":{"startTimeout":"20ms"}}`), "time limit"},
	} {
		t.Run(name, func(t *testing.T) {
			f.t = t
			f.put("p.canary.wasm", c.canary)
			canary := f.canary()
			require.Equal(t, plugin.StateRefused, canary.State)
			require.Contains(t, canary.Reason, c.says)
			require.Equal(t, "p.canary.wasm", canary.File)
			info := f.only()
			require.Equal(t, plugin.StateReady, info.State, "the plugin itself is not concerned")
			require.Equal(t, "old", f.version(1))
			_, err := f.Promote(ctx(t), "p", "")
			require.ErrorIs(t, err, plugin.ErrNoCanary)
			require.ErrorContains(t, err, c.says)
		})
	}
	f.t = t
	f.put("p.canary.wasm", hooks(`{"kind":"inbound","order":3,"paths":["/a/*"],"actions":["set"]}`))
	f.put("p.yaml", []byte("canary: {share: 100}"))
	require.Equal(t, "new", f.version(1))
	f.put("p.canary.wasm", next()[:40])
	require.Equal(t, plugin.StateRefused, f.canary().State)
	require.Equal(t, "old", f.version(1), "a canary whose file is gone is gone")
	f.put("p.yaml", []byte("canary: {shar: 10}"))
	require.Contains(t, f.only().Reason, `p.yaml: canary.shar: unknown key; did you mean "share"?`)
	require.Equal(t, "old", f.version(1))
}

func TestAPluginWithoutSessionsHasNoCanary(t *testing.T) {
	m := &asm.Module{}
	bare(m)
	m.Func(abi.ExportTick, asm.I64, asm.I64, nil, verdict(abi.VerdictPass, 0, 0))
	module := func(version string) []byte {
		return withManifest(t, m.Bytes(), `{"name":"p","version":"`+version+`","hooks":[{"kind":"tick","every":"1h"}]}`)
	}
	f := open(t, nil)
	f.put("p.yaml", []byte("grants: [tick]"))
	f.put("p.wasm", module("1"))
	f.put("p.canary.wasm", module("2"))
	require.Contains(t, f.canary().Reason, "none of them sees sessions")
}

func TestPinsHoldForCanariesToo(t *testing.T) {
	sum := func(module []byte) string {
		f := open(t, nil)
		f.put("p.wasm", module)
		return f.only().SHA256
	}
	one, two := sum(old()), sum(next())
	for name, c := range map[string]struct{ operator, says string }{
		"the canary's":    {"sha256: " + one + "\ncanary: {share: 100, sha256: " + two + "}", ""},
		"in other digits": {"canary: {share: 100, sha256: " + strings.ToUpper(two) + "}", ""},
		"the module's":    {"sha256: " + one, "p.yaml: canary.sha256: the canary is " + two},
		"another":         {"sha256: " + one + "\ncanary: {sha256: " + one + "}", "p.yaml: canary.sha256: the canary is"},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, nil)
			f.put("p.yaml", []byte(c.operator))
			f.put("p.wasm", old())
			f.put("p.canary.wasm", next())
			if c.says != "" {
				require.Contains(t, f.canary().Reason, c.says)
				return
			}
			require.Equal(t, "new", f.version(1))
			_, err := f.Promote(ctx(t), "p", "")
			require.NoError(t, err)
			_, err = f.Reload(ctx(t), "p")
			require.NoError(t, err, "a pinned canary is a module that may run")
			require.Equal(t, "new", f.version(1))
		})
	}
}

func TestSignaturesHoldForCanariesToo(t *testing.T) {
	secret, public, err := signature.NewKey()
	require.NoError(t, err)
	key, err := signature.ParseKey(secret)
	require.NoError(t, err)
	signed, err := signature.Sign(old(), key)
	require.NoError(t, err)
	f := open(t, func(o *plugin.Options) {
		o.RequireSigned, o.Trust = true, []plugin.TrustedKey{{Name: "ops", Key: public}}
	})
	f.put("p.yaml", []byte("canary: {share: 100}"))
	f.put("p.wasm", signed)
	f.put("p.canary.wasm", next())
	require.Contains(t, f.canary().Reason, "it is not signed")
	signed, err = signature.Sign(next(), key)
	require.NoError(t, err)
	f.put("p.canary.wasm", signed)
	require.Equal(t, "signed by ops", f.canary().Signature)
	require.Equal(t, "new", f.version(1))
}

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

// A canary begins to trap for every session under load: nobody notices.
func TestARollBackUnderLoadLosesNothing(t *testing.T) {
	// It passes until a moment, and traps then.
	m := &asm.Module{}
	now := m.Import("happn", "now_ms", asm.None, asm.I64)
	bare(m)
	moment := time.Now().Add(700 * time.Millisecond)
	m.Func(abi.ExportInbound, asm.I32, asm.I64, nil, asm.Call(now), asm.I64Const(moment.UnixMilli()), []byte{0x55}, // i64.gt_s
		asm.IfVoid, asm.Unreachable, asm.End, verdict(abi.VerdictReject, output, 3))
	m.Data(output, []byte("new"))
	f := both(t, old(), m.Bytes(), "on_error: close\ncanary: {share: 50, maxFaults: 5}", func(o *plugin.Options) {
		o.Limits.Wait, o.Limits.Timeout = time.Minute, time.Minute
	})
	var stop atomic.Bool
	var calls atomic.Int64
	var running sync.WaitGroup
	defer running.Wait()
	defer stop.Store(true)
	for s := range 6 {
		running.Go(func() {
			for !stop.Load() {
				rec := of(s)
				v, err := f.Inbound()[0].Call(context.Background(), rec)
				calls.Add(1)
				if said := string(rec.Error); err != nil || v != abi.VerdictReject || said != "old" && said != "new" {
					t.Error(v, err, said)
					return
				}
			}
		})
	}
	c := f.awaitCanary(plugin.StateRolledBack)
	stop.Store(true)
	running.Wait()
	require.GreaterOrEqual(t, c.Traps, uint64(5))
	info := f.only()
	require.EqualValues(t, calls.Load(), info.Calls+c.Calls-c.Traps, "each was answered once")
	require.Zero(t, info.Traps+info.Skipped)
}

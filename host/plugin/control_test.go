package plugin_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
)

// until makes code that computes until a moment. now is the import now_ms.
func until(now uint32, moment time.Time) []byte {
	lower := []byte{0x53} // i64.lt_s
	return asm.Join(asm.LoopVoid, asm.Call(now), asm.I64Const(moment.UnixMilli()), lower, asm.BrIf(0), asm.End)
}

// startsAt makes a guest whose instances are not ready before a moment.
func startsAt(moment time.Time) []byte {
	m := &asm.Module{}
	now := m.Import("happn", "now_ms", asm.None, asm.I64)
	bare(m)
	m.Func(abi.ExportInit, asm.I32, asm.I32, nil, until(now, moment), asm.I32Const(0))
	m.Func(abi.ExportInbound, asm.I32, asm.I64, nil, verdict(abi.VerdictPass, 0, 0))
	return m.Bytes()
}

// answersAt makes a guest whose calls do not return before a moment.
func answersAt(moment time.Time) []byte {
	m := &asm.Module{}
	now := m.Import("happn", "now_ms", asm.None, asm.I64)
	bare(m)
	m.Func(abi.ExportInbound, asm.I32, asm.I64, nil, until(now, moment), verdict(abi.VerdictDrop, 0, 0))
	return m.Bytes()
}

// state returns the state of a plugin, "" if there is none.
func (f *folder) state(name string) plugin.State {
	info, err := f.Show(name)
	if err != nil {
		require.ErrorIs(f.t, err, plugin.ErrUnknown)
	}
	return info.State
}

// drop puts a file without waiting for anything.
func (f *folder) drop(name string, content []byte) {
	f.t.Helper()
	hidden := filepath.Join(f.dir, ".new")
	require.NoError(f.t, os.WriteFile(hidden, content, 0o644))
	require.NoError(f.t, os.Rename(hidden, filepath.Join(f.dir, name)))
}

func TestADisabledPluginStaysSoOverRestarts(t *testing.T) {
	state := filepath.Join(t.TempDir(), "plugins.json")
	f := open(t, func(o *plugin.Options) { o.StateFile = state })
	f.put("check.wasm", withManifest(t, passes(), `{"name":"checker","version":"1.0"}`))
	info, err := f.Disable(ctx(t), "checker", "ann")
	require.NoError(t, err)
	require.Equal(t, plugin.StateDisabled, info.State)
	require.Contains(t, info.Reason, "by ann; happn-host plugin enable takes that back")
	require.Equal(t, "1.0", info.Version, "it is still known what it is")
	require.Empty(t, f.Inbound())

	f.put("check.wasm", withManifest(t, passes(), `{"name":"checker","version":"2.0"}`))
	require.Equal(t, plugin.StateDisabled, f.state("checker"), "a new version changes nothing about it")

	again, err := plugin.Open(ctx(t), plugin.Options{Dir: f.dir, StateFile: state})
	require.NoError(t, err)
	defer func() { require.NoError(t, again.Close()) }()
	require.Equal(t, plugin.StateDisabled, again.List()[0].State)
	info, err = again.Enable(ctx(t), "check") // by the name of its file
	require.NoError(t, err)
	require.Equal(t, plugin.StateReady, info.State)
	require.Len(t, again.Inbound(), 1)

	third, err := plugin.Open(ctx(t), plugin.Options{Dir: f.dir, StateFile: state})
	require.NoError(t, err)
	defer func() { require.NoError(t, third.Close()) }()
	require.Equal(t, plugin.StateReady, third.List()[0].State)
}

func TestTheOperatorsFileHasTheLastWordAboutEnabling(t *testing.T) {
	f := open(t, nil)
	f.put("p.yaml", []byte("enabled: false"))
	f.put("p.wasm", passes())
	info, err := f.Enable(ctx(t), "p")
	require.ErrorIs(t, err, plugin.ErrCannotRun)
	require.ErrorContains(t, err, "enabled is false in p.yaml")
	require.Equal(t, plugin.StateDisabled, info.State)

	_, err = f.Disable(ctx(t), "p", "")
	require.NoError(t, err)
	f.remove("p.yaml")
	require.Equal(t, plugin.StateDisabled, f.state("p"), "the command counts without the file")
}

func TestADisablingThatCannotBeKeptIsNotDone(t *testing.T) {
	f := open(t, func(o *plugin.Options) { o.StateFile = filepath.Join(t.TempDir(), "missing", "plugins.json") })
	f.put("p.wasm", passes())
	_, err := f.Disable(ctx(t), "p", "ann")
	require.ErrorContains(t, err, "could not be kept")
	require.Equal(t, plugin.StateReady, f.state("p"))
}

func TestReloadLoadsWhatHasNotChanged(t *testing.T) {
	f := open(t, nil)
	f.put("p.wasm", passes())
	_, err := f.call(request())
	require.NoError(t, err)
	info, err := f.Reload(ctx(t), "p.wasm")
	require.NoError(t, err)
	require.Equal(t, plugin.StateReady, info.State)
	require.EqualValues(t, 1, info.Calls, "counts outlive it")
	require.Equal(t, 2, strings.Count(f.log.String(), "plugin ready"))

	f.put("p.wasm", []byte("garbage"))
	info, err = f.Reload(ctx(t), "p")
	require.ErrorIs(t, err, plugin.ErrCannotRun)
	require.ErrorContains(t, err, "not a WebAssembly module")
	require.Equal(t, plugin.StateDegraded, info.State, "the version before goes on")
}

func TestWhatIsNotThereCannotBeChanged(t *testing.T) {
	f := open(t, nil)
	for name, do := range map[string]func() error{
		"show":    func() error { _, err := f.Show("p"); return err },
		"enable":  func() error { _, err := f.Enable(ctx(t), "p"); return err },
		"disable": func() error { _, err := f.Disable(ctx(t), "p", ""); return err },
		"reload":  func() error { _, err := f.Reload(ctx(t), "p"); return err },
		"logs":    func() error { _, err := f.Logs("p", 0, 1); return err },
	} {
		require.ErrorIs(t, do(), plugin.ErrUnknown, name)
	}
}

func TestASlowStartHoldsUpNobody(t *testing.T) {
	f := open(t, func(o *plugin.Options) { o.Limits.Instances, o.Limits.StartTimeout = 1, time.Minute })
	f.put("p.wasm", says(abi.VerdictDrop, nil))
	f.drop("p.wasm", startsAt(time.Now().Add(time.Second)))
	f.drop("a.wasm", startsAt(time.Now().Add(time.Second)))
	require.Eventually(t, func() bool { return f.state("a") == plugin.StateLoading }, 10*time.Second, time.Millisecond)
	f.drop("z.wasm", says(abi.VerdictDrop, nil))
	require.Eventually(t, func() bool { return f.state("z") == plugin.StateReady }, 10*time.Second, time.Millisecond)
	require.Equal(t, plugin.StateLoading, f.state("a"), "one that came later was ready before")
	v, err := f.call(request())
	require.NoError(t, err)
	require.Equal(t, abi.VerdictDrop, v, "the old version decides while the new one starts")

	require.NoError(t, f.WaitSettled(ctx(t)))
	require.Equal(t, plugin.StateReady, f.state("a"))
	v, err = f.Inbound()[1].Call(context.Background(), request()) // behind a
	require.NoError(t, err)
	require.Equal(t, abi.VerdictPass, v, "the new version of p")
}

// Modules are compiled one after the other: those that wait are seen before.
func TestWhatWaitsToBeCompiledIsSeen(t *testing.T) {
	f := open(t, nil)
	for n := range 4 {
		m := guest(verdict(abi.VerdictPass, 0, 0))
		for range 40 { // enough to take a moment
			m.Func("", asm.None, asm.I32, nil, asm.I32Const(int32(n)), bytes.Repeat(asm.Join(asm.I32Const(3), asm.I32Sub), 500))
		}
		f.drop(fmt.Sprintf("p%d.wasm", n), m.Bytes())
	}
	require.Eventually(t, func() bool {
		return slices.ContainsFunc(f.List(), func(i plugin.Info) bool {
			return i.State == plugin.StateDiscovered && i.Reason == "waits for its turn to be compiled"
		})
	}, 10*time.Second, time.Millisecond)
	require.NoError(t, f.WaitSettled(ctx(t)))
	for _, info := range f.List() {
		require.Equal(t, plugin.StateReady, info.State, info.Reason)
	}
}

func TestChangesDuringALoadAreNotLost(t *testing.T) {
	f := open(t, func(o *plugin.Options) { o.Limits.Instances, o.Limits.StartTimeout = 1, time.Minute })
	f.drop("p.wasm", startsAt(time.Now().Add(500*time.Millisecond)))
	require.Eventually(t, func() bool { return f.state("p") == plugin.StateLoading }, 10*time.Second, time.Millisecond)
	f.put("p.wasm", says(abi.VerdictDrop, nil)) // waits until all is settled
	v, err := f.call(request())
	require.NoError(t, err)
	require.Equal(t, abi.VerdictDrop, v)

	f.drop("p.wasm", startsAt(time.Now().Add(500*time.Millisecond)))
	require.Eventually(t, func() bool { return strings.Count(f.log.String(), "plugin ready") == 2 }, 10*time.Second, time.Millisecond)
	f.drop("p.wasm", startsAt(time.Now().Add(500*time.Millisecond)))
	f.remove("p.wasm")
	require.Empty(t, f.List(), "gone, whatever was being loaded")
	require.Empty(t, f.Inbound())
}

func TestAPluginDrainsBeforeItIsDisabled(t *testing.T) {
	f := open(t, func(o *plugin.Options) { o.Limits.Timeout = time.Minute })
	f.put("p.wasm", answersAt(time.Now().Add(time.Second)))
	layer := f.Inbound()[0]
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() {
		v, err := layer.Call(context.Background(), request())
		if err != nil || v != abi.VerdictDrop {
			t.Error("a call in progress was cut off:", v, err)
		}
	})
	require.Eventually(t, func() bool { return f.only().Calls == 1 }, 10*time.Second, time.Millisecond)
	soon, cancel := context.WithTimeout(ctx(t), time.Millisecond)
	defer cancel()
	_, err := f.Disable(soon, "p", "")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return f.state("p") == plugin.StateDraining }, 10*time.Second, time.Millisecond)
	require.NoError(t, f.WaitSettled(ctx(t)))
	require.Equal(t, plugin.StateDisabled, f.state("p"))
}

func TestTheLogOfAPlugin(t *testing.T) {
	f := open(t, nil)
	m := &asm.Module{}
	log := m.Import("happn", "log", []byte{0x7f, 0x7f, 0x7f}, asm.None)
	bare(m)
	m.Func(abi.ExportInbound, asm.I32, asm.I64, nil, // log the path, at level debug
		asm.I32Const(0), asm.I32Const(buffer+abi.HeaderSize+6*abi.SectionHeaderSize), asm.I32Const(4), asm.Call(log),
		verdict(abi.VerdictPass, 0, 0))
	f.put("p.wasm", m.Bytes())
	for range 3 {
		_, err := f.call(request())
		require.NoError(t, err)
	}
	lines, err := f.Logs("p", 0, 100)
	require.NoError(t, err)
	require.Len(t, lines, 2)
	require.Contains(t, lines[0].Text, "plugin ready file=p.wasm")
	require.Equal(t, "/a/b", lines[1].Text)
	require.True(t, lines[1].Guest)
	require.Equal(t, 3, lines[1].Times, "what repeats is counted")
	require.NotContains(t, f.log.String(), "source=guest", "the host's own log keeps its level")

	for n := range 1500 {
		rec := request()
		rec.Path = []byte{'/', byte('a' + n%2), 'x', 'y'}
		_, err := f.call(rec)
		require.NoError(t, err)
	}
	all, err := f.Logs("p", 0, 100_000)
	require.NoError(t, err)
	require.LessOrEqual(t, len(all), 1000, "bounded")
	some, err := f.Logs("p", 0, 3)
	require.NoError(t, err)
	require.Equal(t, all[len(all)-3:], some, "the last ones")
	behind, err := f.Logs("p", all[len(all)-2].Number, 100)
	require.NoError(t, err)
	require.Equal(t, all[len(all)-1:], behind)

	f.put("p.wasm", []byte("garbage"))
	last, err := f.Logs("p", 0, 1)
	require.NoError(t, err)
	require.Contains(t, last[0].Text, "plugin refused")
}

package plugin_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
	"github.com/happn-host/happn-host/host/plugin/limit"
)

// limitTest has a module take what fits one limit and what is above it.
type limitTest struct {
	limits      limit.Set // of the host: they are low, so that the test is quick
	fits, above int
	raised      string // the value with which above fits
	says        string
	faulty      bool   // above the limit the call, or the plugin, ends; otherwise it goes on
	file        string // the operator's, beside the limits
	hooks       string // of the manifest, an inbound one if empty
	module      func(n int) []byte
	try         func(c *limitCase, n int) // nil shows it a message
}

// limitCase is a folder with one plugin, which has just one try.
type limitCase struct {
	*folder
	board *switchboard
	world *world
}

var limitTests = map[string]limitTest{
	"functions": {limits: limit.Set{Functions: 9}, fits: 9, above: 10, raised: "10", faulty: true, module: withFunctions,
		says: "the module has 10 functions, above the limit of 9 (limits.functions)"},
	"types": {limits: limit.Set{Types: 9}, fits: 9, above: 10, raised: "10", faulty: true, module: withFunctions,
		says: "the module has 10 types, above the limit of 9 (limits.types)"},
	"globals": {limits: limit.Set{Globals: 3}, fits: 3, above: 4, raised: "4", faulty: true, module: withGlobals,
		says: "the module has 4 globals, above the limit of 3 (limits.globals)"},
	"tables": {limits: limit.Set{Tables: 3}, fits: 3, above: 4, raised: "4", faulty: true, module: withTables,
		says: "the module has 4 tables, above the limit of 3 (limits.tables)"},
	"tableElements": {limits: limit.Set{TableElements: 20}, fits: 20, above: 21, raised: "21", faulty: true, module: withElements,
		says: "the module begins with tables of 21 elements, above the limit of 20 (limits.tableElements)"},
	"memoryMiB": {limits: limit.Set{MemoryMiB: 1}, fits: 16, above: 17, raised: "2", faulty: true, module: withPages,
		says: "the module begins with 17 pages of 64 KiB of memory, above the limit of 1 MiB (limits.memoryMiB)"},
	"stackKiB": {limits: limit.Set{StackKiB: 64}, fits: 400, above: 700, raised: "128", faulty: true, module: recursing,
		says: "recursed deeper than 64 KiB of stack (limits.stackKiB)"},
	"moduleMiB": {limits: limit.Set{ModuleMiB: 1}, fits: 1 << 20, above: 1<<20 + 1, raised: "2", faulty: true, module: ofSize,
		says: "bytes, above the limit of 1 MiB (limits.moduleMiB)"},
	"outputKiB": {limits: limit.Set{OutputKiB: 1}, fits: 1 << 10, above: 1<<10 + 1, raised: "2", faulty: true,
		module: func(n int) []byte { return guest(verdict(abi.VerdictReject, output, uint32(n))).Bytes() },
		says:   "output of 1025 bytes, above the limit of 1 KiB (limits.outputKiB)"},
	"hostCalls": {limits: limit.Set{HostCalls: 5}, fits: 5, above: 6, raised: "6",
		module: func(n int) []byte { return again(n, abi.ImportCount, "ii", document...) },
		says:   "6 calls to the host, above the limit of 5 (limits.hostCalls)"},
	"searches": {limits: limit.Set{Searches: 2}, fits: 2, above: 3, raised: "3",
		module: func(n int) []byte { return again(n, abi.ImportFind, "ii", document...) },
		says:   "3 searches would be open; close some, above the limit of 2 (limits.searches)"},
	"logLines": {limits: limit.Set{LogLines: 2}, fits: 4 * 2, above: 4 * 3, raised: "3",
		module: func(n int) []byte {
			return again(n, abi.ImportLog, "iii", asm.I32Const(1), asm.I32Const(output), asm.I32Const(1))
		},
		says: "lines that the plugin logs are left out, above the limit of 2 a second (limits.logLines)"},
	"logLineBytes": {limits: limit.Set{LogLineBytes: 100}, fits: 100, above: 101, raised: "101",
		module: func(n int) []byte {
			return again(1, abi.ImportLog, "iii", asm.I32Const(1), asm.I32Const(output), asm.I32Const(int32(n)))
		},
		says: "a line of 101 bytes that the plugin logs is cut, above the limit of 100 bytes (limits.logLineBytes)"},
	"metrics": {limits: limit.Set{Metrics: 2}, fits: 2, above: 3, raised: "3", module: withMetrics,
		says: "the plugin would have 3 metrics, above the limit of 2 (limits.metrics)"},
	"series": {limits: limit.Set{Series: 2}, fits: 2, above: 3, raised: "3", module: withSeries,
		says: "metric m would have 3 sets of labels, above the limit of 2 (limits.series)"},
	"varsKiB": {limits: limit.Set{VarsKiB: 1}, fits: 1 << 10, above: 1<<10 + 1, raised: "2", faulty: true, module: withVars,
		says: "keeps 1025 bytes with var_set, above the limit of 1 KiB (limits.varsKiB)"},
	"timeout": {limits: limit.Set{Timeout: 100 * time.Millisecond}, fits: 0, above: 300, raised: "20s", faulty: true,
		module: func(n int) []byte { return waits(abi.ExportInbound, n) },
		says:   "did not finish within its time limit of 100ms (limits.timeout)"},
	"startTimeout": {limits: limit.Set{StartTimeout: 100 * time.Millisecond}, fits: 0, above: 300, raised: "20s", faulty: true,
		module: func(n int) []byte { return waits(abi.ExportInit, n) },
		says:   "did not finish within its time limit of 100ms (limits.startTimeout)"},
	"fuel": {limits: limit.Set{Fuel: 1_000_000}, fits: 900, above: 1_200_000, raised: "3000000", faulty: true,
		module: func(n int) []byte { return guest(turns(1, n), verdict(abi.VerdictPass, 0, 0)).Bytes() },
		says:   "used up its fuel of 1000000 units (limits.fuel)"},
	"startFuel": {limits: limit.Set{StartFuel: 1_000_000}, fits: 900, above: 1_200_000, raised: "3000000", faulty: true,
		module: func(n int) []byte {
			return inert(func(m *asm.Module) {
				m.Func(abi.ExportInit, asm.I32, asm.I32, asm.I32, turns(1, n), asm.I32Const(0))
			})
		},
		says: "used up its fuel of 1000000 units (limits.startFuel)"},
	"wait": {limits: limit.Set{Wait: 50 * time.Millisecond}, fits: 0, above: 300, raised: "20s",
		module: func(n int) []byte { return sometimesWaits(n) }, try: (*limitCase).crowd,
		says: "no instance is to be had: all 1 (limits.instances) stayed busy for longer than 50ms (limits.wait)"},
	"instances": {limits: limit.Set{Instances: 1, Wait: 20 * time.Second}, fits: 0, above: 300, raised: "2",
		module: func(n int) []byte { return sometimesWaits(n) }, try: (*limitCase).crowd,
		says: "ms, above the limit of 1 (limits.instances)"},
	"waiting": {limits: limit.Set{Waiting: 2, Wait: 20 * time.Second}, fits: 2, above: 3, raised: "3",
		module: func(int) []byte { return sometimesWaits(300) }, try: (*limitCase).crowd,
		says: "no instance is to be had: 3 messages would wait, above the limit of 2 (limits.waiting)"},
	"events": {limits: limit.Set{Events: 3}, fits: 3, above: 4, raised: "4", hooks: hears, file: gated, module: hearing, try: (*limitCase).hear,
		says: "events are lost, since 4 would wait for the plugin, above the limit of 3 (limits.events)"},
	"eventsKiB": {limits: limit.Set{EventsKiB: 1}, fits: 1, above: 2, raised: "2", hooks: hears, file: gated, module: hearing, try: (*limitCase).hearLarge,
		says: "bytes of them would wait for the plugin, above the limit of 1 KiB (limits.eventsKiB)"},
	"records": {limits: limit.Set{Records: 3}, fits: 3, above: 4, raised: "4", faulty: true, hooks: speaks, file: listens,
		module: func(n int) []byte { return emitsMany(n, options("{}")) }, try: (*limitCase).say,
		says: "emits a list of 4 records or more, above the limit of 3 (limits.records)"},
	"timers": {limits: limit.Set{Timers: 3}, fits: 3, above: 4, raised: "4", hooks: speaks, file: listens,
		module: func(n int) []byte {
			return converser{imports: [][2]string{{"conn_timer", "lil"}}, hears: turns(2, n,
				asm.LocalGet(0), asm.LocalGet(2), asm.I64Const(60_000), asm.Call(0), asm.Drop)}.bytes()
		}, try: (*limitCase).say,
		says: "4 timers would run; stop some, above the limit of 3 (limits.timers)"},
	"stateKiB": {limits: limit.Set{StateKiB: 1}, fits: 1 << 10, above: 1<<10 + 1, raised: "2", hooks: speaks, file: listens,
		module: func(n int) []byte {
			return converser{imports: [][2]string{{"conn_state", "lii"}},
				hears: asm.Join(asm.LocalGet(0), asm.I32Const(output), asm.I32Const(int32(n)), asm.Call(0), asm.Drop)}.bytes()
		}, try: (*limitCase).say,
		says: "the state of a connection would have 1025 bytes, above the limit of 1 KiB (limits.stateKiB)"},
	"emittedKiB": {limits: limit.Set{EmittedKiB: 1, Requests: 1}, fits: 1 << 10, above: 2 << 10, raised: "2", faulty: true, hooks: speaks, file: listens,
		module: emitsAgain, try: (*limitCase).asks,
		says: "bytes would wait, above the limit of 1 KiB (limits.emittedKiB)"},
	"drain": {limits: limit.Set{Drain: time.Millisecond}, fits: 0, above: 300, raised: "20s", hooks: speaks, file: listens,
		module: func(int) []byte { return converser{}.bytes() }, try: (*limitCase).replaced,
		says: "1 connections were ended that went on with the version before for longer than 1ms (limits.drain)"},
}

func TestLimits(t *testing.T) {
	for key, c := range limitTests {
		t.Run(key, func(t *testing.T) {
			require.Empty(t, c.run(t, key, c.fits, "", ""), "what fits")
			require.Contains(t, c.run(t, key, c.above, "", ""), c.says, "what is above the limit")
			require.Empty(t, c.run(t, key, c.above, "limits: {"+key+": "+c.raised+"}", ""), "once the operator has raised it")
			require.Contains(t, c.run(t, key, c.above, "", fmt.Sprintf("{%q:%s}", key, c.inJSON())), c.says, "a module cannot raise it")
		})
	}
}

// A limit without a row is tested by itself.
func TestEveryLimitIsTested(t *testing.T) {
	of := reflect.TypeFor[limit.Set]()
	for n := range of.NumField() {
		name := strings.ToLower(of.Field(n).Name)
		found := slices.Contains([]string{"requests", "compiletimeout", "compilemib"}, name) // see below
		for key := range limitTests {
			found = found || strings.ToLower(key) == name
		}
		require.True(t, found, "%s has no row in limitTests", of.Field(n).Name)
	}
}

// inJSON is the value with which above fits, for a manifest.
func (c *limitTest) inJSON() string {
	if strings.HasSuffix(c.raised, "s") {
		return strconv.Quote(c.raised)
	}
	return c.raised
}

// run has a plugin take n of something and returns what the operator reads of it.
func (c *limitTest) run(t *testing.T, key string, n int, operator, manifest string) string {
	t.Helper()
	f := &limitCase{board: &switchboard{}, world: newWorld()}
	f.folder = open(t, func(o *plugin.Options) {
		o.Network, o.Services, o.Limits = f.board, f.world, c.limits
		if o.Limits.Instances == 0 {
			o.Limits.Instances = 1
		}
		if o.Limits.Timeout == 0 {
			o.Limits.Timeout = 20 * time.Second // the machine of the tests is busy
		}
	})
	t.Cleanup(f.Farewell)
	module := c.module(n)
	if manifest != "" {
		hooks := c.hooks
		if hooks == "" {
			hooks = `[{"kind":"inbound"}]`
		}
		module = withManifest(t, module, fmt.Sprintf(`{"name":"p","hooks":%s,"limits":%s}`, hooks, manifest))
	}
	require.NoError(t, os.WriteFile(filepath.Join(f.dir, "p.yaml"), []byte(operator+"\non_error: reject\n"+c.file), 0o600))
	f.put("p.wasm", module)
	info := f.only()
	if info.State != plugin.StateReady {
		require.True(t, c.faulty, info.Reason)
		return info.Reason
	}
	if c.try != nil {
		c.try(f, n)
	} else {
		_, err := f.call(request())
		require.Equal(t, c.faulty && err != nil, err != nil, "%v", err)
	}
	info = f.only()
	lines := regexp.MustCompile(`level=WARN msg="plugin was refused what is above its limit" .*`).FindAllString(f.log.String(), -1)
	for _, by := range []string{"instances", "requests"} { // the tests of others have somebody wait for those
		if key != by {
			lines = slices.DeleteFunc(lines, func(line string) bool { return strings.Contains(line, " limit=limits."+by+" ") })
		}
	}
	if c.faulty {
		require.Empty(t, lines, "somebody else tells of a fault")
		return info.LastError
	}
	require.Equal(t, len(lines) > 0, info.Limited[key] > 0, "%v", info.Limited)
	require.Zero(t, info.Traps, info.LastError)
	require.LessOrEqual(t, len(lines), 1, "it is told once")
	return strings.Join(lines, "\n")
}

// Who asks again and again is told each time, and the operator once.
func TestAFloodOfRefusalsIsToldOnce(t *testing.T) {
	f := open(t, func(o *plugin.Options) {
		o.Limits = limit.Set{Instances: 1, Timeout: 20 * time.Second, HostCalls: 5}
	})
	f.put("p.wasm", again(1000, abi.ImportCount, "ii", document...))
	for range 5 {
		_, err := f.call(request())
		require.NoError(t, err)
	}
	require.Equal(t, 1, strings.Count(f.log.String(), "limits.hostCalls)"), f.log.String())
	require.Contains(t, f.log.String(), `limit=limits.hostCalls reason="over a limit: 6 calls to the host, above the limit of 5 (limits.hostCalls)" times=1`)
	require.Equal(t, map[string]uint64{"hostCalls": 5 * 995}, f.only().Limited)
	f.put("p.wasm", passes())
	require.Equal(t, map[string]uint64{"hostCalls": 5 * 995}, f.only().Limited, "counts outlive a version")
}

func TestCompilingHasATimeLimit(t *testing.T) {
	for _, d := range dialects {
		module := d.sometimes(func(uint32) []byte { return nil })
		f := open(t, func(o *plugin.Options) { o.Limits.CompileTimeout = time.Nanosecond })
		f.put("p.wasm", module)
		const says = "compiling did not finish within its time limit of 1ns (limits.compileTimeout)"
		require.Equal(t, says, f.only().Reason)
		f.put("p.wasm", withManifest(t, module, `{"name":"p","hooks":[{"kind":"inbound"}],"limits":{"compileTimeout":"1m"}}`))
		require.Equal(t, says, f.only().Reason, "a module cannot raise it")
		f.put("p.yaml", []byte("limits: {compileTimeout: 1m}"))
		require.Equal(t, plugin.StateReady, f.only().State, f.only().Reason)
		require.GreaterOrEqual(t, f.only().Limited["compileTimeout"], uint64(2), "it may be tried again")
	}
}

func TestALimitThatGoesNoHigherSaysSo(t *testing.T) {
	f := open(t, nil)
	f.put("p.yaml", []byte("limits: {tableElements: 1048577}"))
	f.put("p.wasm", withElements(1048577))
	require.Equal(t, "p.yaml: limits.tableElements: expected a whole number from 1 to 1048576, got 1048577", f.only().Reason)
	f.put("p.yaml", []byte("limits: {tableElements: 1048576}"))
	require.Equal(t, "the module begins with tables of 1048577 elements, above the limit of 1048576 (limits.tableElements, which goes no higher)", f.only().Reason)
}

// Requests above their limit wait, and the operator hears of it, once each time.
func TestRequestsOfAConnectionWaitForTheirAnswers(t *testing.T) {
	list := records(asks("/1"), asks("/2"), asks("/3"), asks("/4"), asks("/5"))
	c := converse(t, converser{data: list, hears: onBang(gives(abi.VerdictEmit, len(list)))}, func(o *plugin.Options) { o.Limits.Requests = 2 })
	for n, operator := range []string{"", "limits: {requests: 4}"} {
		c.put("p.yaml", []byte(listens+operator))
		one := c.dial()
		one.mu.Lock()
		one.silent = true
		one.mu.Unlock()
		go one.say("!")
		require.Eventually(t, func() bool { return one.requests() == 2+2*n }, 10*time.Second, time.Millisecond)
		c.answers(c.dial())
		require.Equal(t, 2+2*n, one.requests())
		one.link.Close("enough")
		c.sentAway(one, "enough")
	}
	require.Equal(t, map[string]uint64{"requests": 2}, c.only().Limited)
	lines := strings.Split(c.log.String(), `limit=limits.requests reason="3 requests of a connection would not be answered, so that it waits, above the limit of 2 (limits.requests)" times=1`)
	require.Len(t, lines, 2, "told once a minute: %s", c.log.String())
}

func TestWhatACanaryWasRefusedCountsForItselfUntilItIsPromoted(t *testing.T) {
	f := open(t, func(o *plugin.Options) {
		o.Limits = limit.Set{Instances: 1, HostCalls: 5, Timeout: 20 * time.Second}
	})
	f.put("p.yaml", []byte("canary: {share: 100}"))
	f.put("p.wasm", again(7, abi.ImportCount, "ii", document...))
	_, err := f.call(request())
	require.NoError(t, err)
	f.put("p.canary.wasm", again(8, abi.ImportCount, "ii", document...))
	require.Equal(t, plugin.StateReady, f.only().Canary.State, f.only().Canary.Reason)
	_, err = f.call(request())
	require.NoError(t, err)
	require.Equal(t, map[string]uint64{"hostCalls": 2}, f.only().Limited)
	require.Equal(t, map[string]uint64{"hostCalls": 3}, f.only().Canary.Limited)
	info, err := f.Promote(ctx(t), "p", "ann")
	require.NoError(t, err)
	require.Equal(t, map[string]uint64{"hostCalls": 5}, info.Limited, "counters do not fall")
}

// Subscriptions go on from one version to the next.
func TestEventsWaitWithinTheLimitsOfTheVersionThatRuns(t *testing.T) {
	c := &limitCase{world: newWorld()}
	c.folder = open(t, func(o *plugin.Options) {
		o.Services, o.Limits = c.world, limit.Set{Instances: 1, Timeout: 20 * time.Second, Events: 3}
	})
	c.put("p.yaml", []byte(gated))
	c.put("p.wasm", hearing(0))
	c.put("p.yaml", []byte(gated+"limits: {events: 4}"))
	require.Equal(t, 4, c.only().Limits.Events)
	c.hear(4)
	require.Empty(t, c.only().Limited)
}

package plugin_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
)

const (
	reasonFailed = "the plugin failed"
	reasonLost   = "the plugin's instance that had the connection was lost"
)

var loops = asm.Join(asm.LoopVoid, asm.Br(0), asm.End)

// hostile is something that a hook does to the second of some connections.
type hostile struct {
	code []byte
	data []byte // at output
	why  string // what the peer is told
	says string // to the operator
	lost bool   // the instance
}

// emits makes a hook that emits something.
func emits(list []byte, says string) hostile {
	return hostile{code: gives(abi.VerdictEmit, len(list)), data: list, why: reasonFailed, says: says}
}

func returns(v abi.Verdict, pointer, length uint32) []byte {
	return asm.Join(verdict(v, pointer, length), asm.Return)
}

func loses(code []byte, says string) hostile {
	return hostile{code: code, why: reasonLost, says: says, lost: true}
}

// anyHook is what a hook of any kind but close may do.
func anyHook() map[string]hostile {
	pong := records(sends("x"))
	return map[string]hostile{
		"traps":                      loses(asm.Unreachable, "trapped"),
		"loops for ever":             loses(loops, "time limit"),
		"gives no verdict":           loses(returns(0, 0, 0), "unknown verdict 0"),
		"gives another kind's":       loses(returns(abi.VerdictReject, 0, 0), "cannot give"),
		"lies about where output is": loses(returns(abi.VerdictEmit, 0xfffffff0, 64), "output lies outside of memory"),
		"lies about its length":      loses(returns(abi.VerdictEmit, 4<<16-4, 8), "output lies outside of memory"),
		"emits too much at once":     loses(returns(abi.VerdictEmit, 0, 65<<10), "above the limit of 64 KiB"),
		"emits half a length":        emits([]byte{1, 0}, "record ends before"),
		"emits half a record":        emits(pong[:len(pong)-1], "record ends before"),
		"emits a huge record":        emits([]byte{255, 255, 255, 255, 1, 1}, "record ends before"),
		"emits an empty record":      emits([]byte{0, 0, 0, 0}, "record ends before"),
		"emits no record":            emits([]byte(strings.Repeat("\x10\x00\x00\x00", 5)), "not of version 1"),
		"emits what is not its own":  emits(records(abi.Record{Kind: abi.KindResponse}), "emits a record of kind 2"),
		"emits text that is none":    emits(records(abi.Record{Kind: abi.KindConnection, Flags: abi.FlagText, Bytes: []byte{0xff}}), "not UTF-8"),
		"emits unknown options":      emits(records(options(`{"keeps":1}`)), "unknown field"),
		"emits options with a tail":  emits(records(options(`{} {}`)), "the options of a connection's record"),
		"emits a negative timer":     emits(records(options(`{"timer":{"id":1,"ms":-1}}`)), "the options of a connection's record"),
		"emits a timer for years":    emits(records(options(`{"timer":{"id":1,"ms":4294967295}}`)), "of at most a day"),
		"emits a timer's wild number": emits(records(options(`{"timer":{"id":2147483648,"ms":1}}`)),
			"the options of a connection's record"),
		"emits too many timers": emits(manyTimers(), "17 timers would run"),
		"keeps bytes of nobody": emits(records(options(`{"keep":4294967295}`), options(`{"keep":4294967295}`)), "only a stream's can be kept"),
		"fails":                 {code: gives(abi.VerdictError, 3), data: []byte("bad"), why: reasonFailed, says: "hook failed: bad"},
		"closes":                {code: gives(abi.VerdictClose, 4), data: []byte("go \xff"), why: "go \uFFFD"},
	}
}

func manyTimers() []byte {
	var all []abi.Record
	for n := range abi.MaxConnTimers + 1 {
		all = append(all, options(fmt.Sprintf(`{"timer":{"id":%d,"ms":60000}}`, n)))
	}
	return records(all...)
}

func TestHostileGuestsOfConnections(t *testing.T) {
	asMore := hostile{code: returns(abi.VerdictNeedMore, 0, 0), why: reasonFailed, says: "asked for more where there is no stream"}
	closing := map[string]hostile{"traps": anyHook()["traps"], "loops for ever": anyHook()["loops for ever"]}
	opening, events := anyHook(), anyHook()
	opening["asks for more"], events["asks for more"] = asMore, asMore
	for hook, all := range map[string]map[string]hostile{"open": opening, "data": anyHook(), "event": events, "close": closing} {
		for name, h := range all {
			t.Run(hook+" "+name, func(t *testing.T) { testHostileConversation(t, hook, h) })
		}
	}
}

// testHostileConversation has the second of four connections meet a hook that
// misbehaves, and the fourth share its instance.
func testHostileConversation(t *testing.T, hook string, h hostile) {
	guest := converser{data: h.data}
	switch hook {
	case "open":
		guest.open = onSecond(h.code)
	case "data":
		guest.hears = onBang(h.code)
	case "event":
		guest.event = onBang(h.code)
	case "close":
		guest.ends = onSecond(h.code)
	}
	c := converse(t, guest, func(o *plugin.Options) {
		o.Limits.OutputKiB = 64
		if h.says == "time limit" {
			o.Limits.Timeout = 20 * time.Millisecond
		}
	})
	first, second := c.dial(), c.dial()
	third, fourth := c.dial(), (*talk)(nil)
	if hook != "open" {
		fourth = c.dial()
	}
	reason := h.why
	switch hook {
	case "data":
		second.say("!")
	case "event":
		second.publish("!")
	case "close":
		second.conn.Closed(nil)
		reason = "the peer has closed the connection"
	}
	c.sentAway(second, reason)
	c.answers(first)
	c.answers(third)
	if fourth != nil && h.lost {
		c.sentAway(fourth, reasonLost)
	} else if fourth != nil {
		c.answers(fourth)
	}
	require.Eventually(t, func() bool { return c.only().State == plugin.StateReady }, 10*time.Second, time.Millisecond)
	c.answers(c.dial())
	c.answers(c.dial())

	info := c.only()
	lost := uint64(0)
	if h.lost {
		lost = 1
	}
	require.Equal(t, lost, info.Traps, info.LastError)
	require.Contains(t, info.LastError, h.says)
	lines := c.told("a plugin failed on a connection") + c.told("an instance failed, which ends its connections")
	if h.says == "" || hook == "close" && fourth == nil {
		require.Zero(t, lines, c.log)
	} else {
		require.Equal(t, 1, lines, c.log)
	}
}

// expects calls an import, and traps if its result is another one.
func expects(result int32, function uint32, arguments ...[]byte) []byte {
	return asm.Join(asm.Join(arguments...), asm.Call(function), asm.I32Const(result), []byte{0x47}, asm.IfVoid, asm.Unreachable, asm.End)
}

func TestImportsOfConnectionsRefuse(t *testing.T) {
	const send, end, state, timer = 0, 1, 2, 3
	self := asm.LocalGet(0)
	i32, i64 := asm.I32Const, asm.I64Const
	day := (24 * time.Hour).Milliseconds()
	for name, code := range map[string][]byte{
		"a connection of another instance": expects(-2, send, i64(1), i32(0), i32(output), i32(1)),
		"a connection that never was":      expects(-2, end, i64(99), i32(output), i32(1)),
		"bytes outside of memory":          expects(-1, send, self, i32(0), i32(-4), i32(8)),
		"a reason outside of memory":       expects(-1, end, self, i32(8<<16-1), i32(2)),
		"text that is none":                expects(-1, send, self, i32(int32(abi.FlagText)), i32(output), i32(1)),
		"a large state":                    expects(-5, state, self, i32(0), i32(abi.MaxConnState+1)),
		"a negative number of a timer":     expects(-1, timer, self, i32(-1), i64(1)),
		"a negative time":                  expects(-1, timer, self, i32(1), i64(-1)),
		"more than a day":                  expects(-1, timer, self, i32(1), i64(day+1)),
		"many timers": asm.Join(func() (all []byte) {
			for n := range int32(abi.MaxConnTimers) {
				all = append(all, expects(0, timer, self, i32(n), i64(60_000))...)
			}
			return append(all, expects(-6, timer, self, i32(99), i64(60_000))...)
		}(), expects(0, timer, self, i32(3), i64(0)), expects(0, timer, self, i32(99), i64(day))),
		"calls without end": asm.Join( // until one is refused
			asm.LoopVoid, self, i32(0), i32(pongs), i32(1), asm.Call(send), asm.I32Eqz, asm.BrIf(0), asm.End,
			expects(-6, send, self, i32(0), i32(pongs), i32(1))),
		"what comes behind the end": asm.Join(
			expects(0, end, self, i32(output+1), i32(2)), expects(-2, send, self, i32(0), i32(output), i32(1)),
			expects(-2, end, self, i32(output), i32(1)), expects(-2, state, self, i32(0), i32(1)), expects(-2, timer, self, i32(1), i64(1))),
	} {
		t.Run(name, func(t *testing.T) {
			guest := converser{
				pages:   8,
				imports: [][2]string{{"conn_send", "liii"}, {"conn_close", "lii"}, {"conn_state", "lii"}, {"conn_timer", "lil"}},
				hears:   onBang(code), data: []byte("\xffby"),
			}
			c := converse(t, guest, func(o *plugin.Options) { o.Limits.HostCalls = 100 })
			other, one := c.dial(), c.dial()
			one.say("!")
			require.Zero(t, c.only().Traps, c.only().LastError)
			if name == "what comes behind the end" {
				c.sentAway(one, "by")
			} else {
				require.False(t, one.isOver(), one.reasonOf())
			}
			c.answers(other)
			c.answers(c.dial())
		})
	}
}

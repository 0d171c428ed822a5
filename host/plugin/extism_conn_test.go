package plugin_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
)

// extismConverser is a module of an Extism PDK that speaks for connections, by the code of
// its hooks: locals 0 and 1 are i64, 2 is an i32, and 3 is the connection. A hook that
// does not return passes, and answers data with "pong".
type extismConverser struct {
	*extismModule
	send, end, state, timer uint32
}

func newExtismConverser() *extismConverser {
	m := &extismConverser{extismModule: newExtism()}
	three := asm.Join(asm.I64, asm.I64, asm.I64)
	m.send = m.Import(abi.ExtismUser, abi.ImportConnSend, three, asm.I64)
	m.end = m.Import(abi.ExtismUser, abi.ImportConnClose, i64x2, asm.I64)
	m.state = m.Import(abi.ExtismUser, abi.ImportConnState, i64x2, asm.I64)
	m.timer = m.Import(abi.ExtismUser, abi.ImportConnTimer, three, asm.I64)
	return m
}

// build makes the module. Each piece of code belongs to the hook of its export.
func (m *extismConverser) build(code map[string][]byte) built {
	number := m.Import(abi.ExtismEnvironment, "input_load_u64", asm.I64, asm.I64)
	m.Memory(4)
	for _, export := range []string{abi.ExportConnOpen, abi.ExportConnData, abi.ExportConnEvent, abi.ExportConnClose} {
		end := pass
		if export == abi.ExportConnData {
			end = asm.Join(m.give(string(records(sends("pong")))), asm.I32Const(int32(abi.VerdictEmit)))
		}
		m.Func(export, asm.None, asm.I32, []byte{0x7e, 0x7e, 0x7f, 0x7e},
			asm.I64Const(0), asm.Call(number), asm.LocalSet(3), code[export], end)
	}
	m.Custom("happn.manifest", []byte(`{"hooks":[{"kind":"protocol"}],"grants":["listen"]}`))
	return m.Bytes()
}

// built is a module.
type built []byte

func (b built) bytes() []byte { return b }

// onBang is code that runs if the first section of a record that has only one begins
// with an exclamation mark.
func (m *extismConverser) onBang(code ...[]byte) []byte {
	const at = 8 + abi.HeaderSize + abi.SectionHeaderSize
	return asm.Join(asm.I64Const(at), asm.Call(m.inputByte), asm.I32Const('!'), []byte{0x46}, asm.IfVoid, asm.Join(code...), asm.End)
}

// does calls an import with the connection first, and traps if it is refused.
func (m *extismConverser) does(function uint32, arguments ...[]byte) []byte {
	return asm.Join(asm.LocalGet(3), asm.Join(arguments...), asm.Call(function), asm.I64Const(0), []byte{0x52}, asm.IfVoid, asm.Unreachable, asm.End)
}

// emit returns from a hook with a list of records.
func (m *extismConverser) emit(all ...abi.Record) []byte {
	return asm.Join(m.give(string(records(all...))), asm.I32Const(int32(abi.VerdictEmit)), asm.Return)
}

func TestExtismGuestsSpeakForConnections(t *testing.T) {
	m := newExtismConverser()
	module := m.build(map[string][]byte{
		abi.ExportConnOpen: m.emit(sends("hello ")),
		abi.ExportConnData: asm.Join(m.block(0, "sent "), m.onBang(
			m.does(m.send, asm.I64Const(0), asm.LocalGet(0)), m.does(m.state, asm.I64Const(0)),
			m.does(m.timer, asm.I64Const(1), asm.I64Const(1)), m.emit(asks("/a")))),
		abi.ExportConnEvent: asm.Join(
			m.onBang(m.block(0, "bye"), m.does(m.end, asm.LocalGet(0)), pass, asm.Return), // a publication
			m.emit(sends("event "))),
		abi.ExportConnClose: asm.Join(m.block(0, "it is over"), asm.LocalGet(0), asm.Call(m.log)),
	})
	c := converse(t, module, nil)
	first, second := c.dial(), c.dial()
	require.Equal(t, "hello ", first.got())
	c.answers(first)
	second.say("!")
	require.Eventually(t, func() bool { return strings.Count(second.got(), "event ") == 2 }, 10*time.Second, time.Millisecond,
		"the answer and the timer: %q", second.got())
	require.Contains(t, second.got(), "sent ")
	require.Equal(t, 1, second.requests())
	require.NotContains(t, first.got(), "sent")

	second.publish("!")
	c.sentAway(second, "bye")
	require.Eventually(t, func() bool { return c.told("it is over") == 1 }, 10*time.Second, time.Millisecond)
	c.answers(first)

	third := c.dial()
	third.say("!") // it has state now
	require.Eventually(t, func() bool { return strings.Count(third.got(), "event ") == 2 }, 10*time.Second, time.Millisecond)
	c.put("p.wasm", append(module, 0, 2, 1, 'x')) // another version
	require.Eventually(t, func() bool { return strings.Count(third.got(), "hello ") == 2 }, 10*time.Second, time.Millisecond, "it is handed over")
	c.answers(third)
	require.Zero(t, c.only().Traps, c.only().LastError)
}

func TestHostileExtismGuestsOfConnections(t *testing.T) {
	hooks := map[string]string{"open": abi.ExportConnOpen, "data": abi.ExportConnData, "event": abi.ExportConnEvent, "close": abi.ExportConnClose}
	second := func(code []byte) []byte {
		return asm.Join(asm.LocalGet(3), asm.I64Const(2), []byte{0x51}, asm.IfVoid, code, asm.End)
	}
	returned := func(n int32) func(*extismConverser) []byte {
		return func(*extismConverser) []byte { return asm.Join(asm.I32Const(n), asm.Return) }
	}
	for name, h := range map[string]struct {
		code func(m *extismConverser) []byte
		why  string // what the peer is told
		says string // to the operator
		lost bool
	}{
		"traps":                    {func(*extismConverser) []byte { return asm.Unreachable }, reasonLost, "trapped", true},
		"loops for ever":           {func(*extismConverser) []byte { return loops }, reasonLost, "time limit", true},
		"returns 0":                {returned(0), reasonLost, "which is no verdict", true},
		"returns a strange number": {returned(-1), reasonLost, "returned -1, which is no verdict", true},
		"gives another kind's":     {returned(int32(abi.VerdictReject)), reasonLost, "cannot give", true},
		"emits half a record": {func(m *extismConverser) []byte {
			return asm.Join(m.give("\x10\x00\x00\x00x"), asm.I32Const(int32(abi.VerdictEmit)), asm.Return)
		}, reasonFailed, "record ends before", false},
		"fails": {func(m *extismConverser) []byte {
			return asm.Join(m.fail("bad"), asm.I32Const(int32(abi.VerdictError)), asm.Return)
		}, reasonFailed, "hook failed: bad", false},
		"speaks for another's": {func(m *extismConverser) []byte {
			return asm.Join(m.block(0, "x"), asm.I64Const(1), asm.I64Const(0), asm.LocalGet(0), asm.Call(m.send), asm.I64Const(-2), []byte{0x52}, asm.IfVoid, asm.Unreachable, asm.End)
		}, "", "", false},
		"sends what is no block": {func(m *extismConverser) []byte { return m.does(m.send, asm.I64Const(0), asm.I64Const(12345)) }, reasonLost, "trapped", true},
		"sets a timer for years": {func(m *extismConverser) []byte { return m.does(m.timer, asm.I64Const(1), asm.I64Const(1<<40)) }, reasonLost, "trapped", true},
	} {
		for hook, export := range hooks {
			if hook == "close" && !h.lost || hook == "close" && name == "gives another kind's" || hook == "close" && strings.HasPrefix(name, "se") {
				continue
			}
			t.Run(hook+" "+name, func(t *testing.T) {
				m := newExtismConverser()
				c := converse(t, m.build(map[string][]byte{export: second(h.code(m))}), func(o *plugin.Options) {
					if h.says == "time limit" {
						o.Limits.Timeout = 20 * time.Millisecond
					}
				})
				one, two := c.dial(), c.dial()
				reason := h.why
				switch hook {
				case "data":
					two.say("x")
				case "event":
					two.publish("x")
				case "close":
					two.conn.Closed(nil)
					reason = "the peer has closed the connection"
				}
				if reason == "" {
					require.False(t, two.isOver(), two.reasonOf())
				} else {
					c.sentAway(two, reason)
				}
				c.answers(one)
				require.Eventually(t, func() bool { return c.only().State == plugin.StateReady }, 10*time.Second, time.Millisecond)
				c.answers(c.dial())
				require.Equal(t, h.lost, c.only().Traps > 0, c.only().LastError)
				require.Contains(t, c.only().LastError, h.says)
			})
		}
	}
}

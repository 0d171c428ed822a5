package plugin_test

import (
	"errors"
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
		"emits too much at once":     loses(returns(abi.VerdictEmit, 0, 65<<10), "over the limit of 65536"),
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
		"emits too many timers": emits(manyTimers(), "16 timers run"),
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

func TestWhatAGuestKeepsIsBounded(t *testing.T) {
	all := records(options(`{"keep":2000}`))
	for name, hears := range map[string][]byte{
		"by asking for more": returns(abi.VerdictNeedMore, 0, 0),
		"by keeping it all":  gives(abi.VerdictEmit, len(all)),
	} {
		t.Run(name, func(t *testing.T) {
			c := converse(t, converser{hears: onBang(hears), data: all}, func(o *plugin.Options) { o.Connections.KeptBytes = 2000 })
			other, greedy := c.dial(), c.dial()
			if name == "by asking for more" {
				greedy.say("!")
				require.False(t, greedy.isOver())
			}
			greedy.say(strings.Repeat("!", 2000))
			c.sentAway(greedy, "the plugin asks for more than 2000 bytes at once")
			c.answers(other)
			require.EqualValues(t, 1, c.only().Connections.Closed.Plugin)
		})
	}
}

func (t *talk) isOver() bool {
	select {
	case <-t.over:
		return true
	default:
		return false
	}
}

func TestAGuestThatAsksWithoutEndIsStopped(t *testing.T) {
	t.Run("of one connection", func(t *testing.T) {
		var flood []abi.Record
		for range 200 {
			flood = append(flood, asks("/x"))
		}
		list := records(flood...)
		c := converse(t, converser{hears: onBang(gives(abi.VerdictEmit, len(list))), event: onBang(gives(abi.VerdictEmit, len(list))), data: list}, nil)
		other, one := c.dial(), c.dial()
		one.mu.Lock()
		one.silent = true
		one.mu.Unlock()
		taken := make(chan struct{})
		go func() {
			defer close(taken)
			one.say("!")
		}()
		require.Eventually(t, func() bool { return one.requests() == 64 }, 10*time.Second, time.Millisecond)
		c.answers(other)
		for range 1000 { // each has it ask for more, which waits
			if one.publish("!"); one.isOver() {
				break
			}
		}
		c.sentAway(one, reasonFailed)
		require.Contains(t, c.log.String(), "emits faster than it can be carried out")
		require.Equal(t, 64, one.requests(), "nothing was carried out for who has unanswered requests")
		<-taken
		c.answers(other)
	})
	t.Run("from one answer to the next", func(t *testing.T) {
		again := records(asks("!"))
		c := converse(t, converser{hears: onBang(gives(abi.VerdictEmit, len(again))), event: onBang(gives(abi.VerdictEmit, len(again))), data: again}, nil)
		other, one := c.dial(), c.dial()
		go one.say("!")
		require.Eventually(t, func() bool { return one.requests() > 100 }, 10*time.Second, time.Millisecond)
		c.answers(other)
		one.link.Close("enough of it") // an administrator does
		c.sentAway(one, "enough of it")
		require.EqualValues(t, 1, c.only().Connections.Closed.Host)
	})
}

func TestTimersOfConnections(t *testing.T) {
	every := records(options(`{"timer":{"id":7,"ms":1}}`), sends("tick"))
	t.Run("come again and again while the others go on", func(t *testing.T) {
		c := converse(t, converser{
			hears: onBang(gives(abi.VerdictEmit, len(every))), data: every, event: gives(abi.VerdictEmit, len(every)),
		}, nil)
		other, one := c.dial(), c.dial()
		one.say("!")
		require.Eventually(t, func() bool { return strings.Count(one.got(), "tick") > 20 }, 10*time.Second, time.Millisecond)
		c.answers(other)
		one.conn.Closed(nil)
		c.sentAway(one, "the peer has closed the connection")
		calls := c.only().Calls
		c.answers(other)
		require.Equal(t, calls+1, c.only().Calls, "none comes behind the end")
	})
	t.Run("are taken back", func(t *testing.T) {
		list := records(options(`{"timer":{"id":7,"ms":1}}`), options(`{"timer":{"id":7,"ms":0}}`), options(`{"timer":{"id":8,"ms":20}}`))
		number := int32(buffer + abi.HeaderSize + abi.SectionHeaderSize + len(`{"timer":`))
		isSeven := asm.Join(asm.I32Const(number), []byte{0x2d, 0, 0}, asm.I32Const('7'), []byte{0x46})
		pong := records(sends("pong"))
		c := converse(t, converser{
			hears: onBang(gives(abi.VerdictEmit, len(list))), data: list,
			event: asm.Join(isSeven, asm.IfVoid, asm.Unreachable, asm.End, returns(abi.VerdictEmit, pongs, uint32(len(pong)))),
		}, nil)
		one := c.dial()
		one.say("!")
		require.Eventually(t, func() bool { return one.got() == "pong" }, 10*time.Second, time.Millisecond)
		require.Zero(t, c.only().Traps)
	})
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

func TestAPluginThatTakesPublicationsTooSlowlyLosesTheConnection(t *testing.T) {
	// Counts to some hundred thousand for each publication.
	busy := asm.Join(asm.I32Const(500_000), asm.LocalSet(2),
		asm.LoopVoid, asm.LocalGet(2), asm.I32Const(1), asm.I32Sub, asm.LocalSet(2), asm.LocalGet(2), asm.BrIf(0), asm.End)
	c := converse(t, converser{event: onBang(busy)}, func(o *plugin.Options) { o.Connections.QueueBytes = 4 << 10 })
	other, one := c.dial(), c.dial()
	path := "!" + strings.Repeat("x", 500)
	for range 10_000 {
		if one.publish(path); one.isOver() {
			break
		}
	}
	c.sentAway(one, "the plugin does not keep up with what the session is sent")
	counts := c.only().Connections
	require.EqualValues(t, 1, counts.Slow)
	require.EqualValues(t, 1, counts.Closed.Lost)
	require.EqualValues(t, 1, counts.Open)
	c.answers(other)
}

func TestNothingIsReadForAPeerThatDoesNotRead(t *testing.T) {
	c := converse(t, converser{}, func(o *plugin.Options) { o.Connections.QueueBytes = 100 })
	other, one := c.dial(), c.dial()
	said := make(chan int)
	go func() {
		n := 0
		for ; n < 1000 && !one.isOver(); n++ {
			one.say("ping")
		}
		said <- n
	}()
	require.Eventually(t, func() bool { return len(one.got()) > 50 }, 10*time.Second, time.Millisecond)
	c.answers(other)
	require.LessOrEqual(t, len(one.got()), 60, "no more was asked of the plugin")
	one.mu.Lock()
	one.queued = 0 // it has read
	one.mu.Unlock()
	one.conn.Writable()
	require.Eventually(t, func() bool { return len(one.got()) > 100 }, 10*time.Second, time.Millisecond)
	one.link.Close("not reading") // an administrator's end is not waited for
	c.sentAway(one, "not reading")
	require.Less(t, <-said, 1000)
}

func TestConnectionsAreCounted(t *testing.T) {
	c := converse(t, converser{hears: onBang(gives(abi.VerdictClose, 3)), data: []byte("end")}, nil)
	require.Equal(t, []plugin.EndpointCounts{{Place: "tcp:127.0.0.1:7000"}}, c.only().Endpoints, "shown before there is one")
	first, second, third := c.dial(), c.dial(), c.dial()
	c.answers(first)
	c.answers(first)
	first.conn.Closed(nil)
	c.sentAway(first, "the peer has closed the connection")
	second.say("!")
	c.sentAway(second, "end")
	want := plugin.ConnectionCounts{
		Open: 1, Accepted: 3, Closed: plugin.ConnectionEnds{Peer: 1, Plugin: 1}, ReceivedBytes: 9, SentBytes: 8,
	}
	require.Equal(t, want, c.only().Connections)
	require.Equal(t, []plugin.EndpointCounts{{Place: "tcp:127.0.0.1:7000", ConnectionCounts: want}}, c.only().Endpoints)

	c.put("p.yaml", []byte(strings.Replace(listens, "7000", "7001", 1)))
	third.conn.Closed(errors.New("reset"))
	c.sentAway(third, "the connection broke: reset")
	c.dial()
	want.Closed.Lost = 1
	want.Open = 0
	require.Equal(t, []plugin.EndpointCounts{
		{Place: "tcp:127.0.0.1:7000", ConnectionCounts: want},
		{Place: "tcp:127.0.0.1:7001", ConnectionCounts: plugin.ConnectionCounts{Open: 1, Accepted: 1}},
	}, c.only().Endpoints, "counts outlive a version")
	require.EqualValues(t, 4, c.only().Connections.Accepted)
}

func TestWhatIsSentDoesNotWaitForAPeerToRead(t *testing.T) {
	event := records(sends("event"))
	c := converse(t, converser{event: onBang(gives(abi.VerdictEmit, len(event))), data: event}, func(o *plugin.Options) {
		o.Connections.QueueBytes = 100
	})
	one := c.dial()
	for n := range 40 { // the wire is who ends the connection, and not for the plugin's fault
		one.publish("!")
		require.Eventually(t, func() bool { return len(one.got()) == (n+1)*len("event") }, 10*time.Second, time.Millisecond)
	}
	require.Zero(t, c.only().Errors)
}

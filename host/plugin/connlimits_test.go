package plugin_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
)

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
	counted := func(all ...plugin.EndpointCounts) {
		t.Helper()
		// A peer is sent away a moment before that is counted.
		require.EventuallyWithT(t, func(t *assert.CollectT) { assert.Equal(t, all, c.only().Endpoints) }, 10*time.Second, time.Millisecond)
	}
	counted(plugin.EndpointCounts{Place: "tcp:127.0.0.1:7000", ConnectionCounts: want})
	require.Equal(t, want, c.only().Connections)

	c.put("p.yaml", []byte(strings.Replace(listens, "7000", "7001", 1)))
	third.conn.Closed(errors.New("reset"))
	c.sentAway(third, "the connection broke: reset")
	require.Eventually(t, func() bool { return c.only().Endpoints[0].Open == 0 }, 10*time.Second, time.Millisecond)
	c.dial()
	want.Closed.Lost = 1
	want.Open = 0
	counted( // counts outlive a version
		plugin.EndpointCounts{Place: "tcp:127.0.0.1:7000", ConnectionCounts: want},
		plugin.EndpointCounts{Place: "tcp:127.0.0.1:7001", ConnectionCounts: plugin.ConnectionCounts{Open: 1, Accepted: 1}},
	)
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

func TestAPeerThatTricklesDoesNotKeepAnInstanceBusy(t *testing.T) {
	const begun, more = 32 << 10, 1000
	complete := int32(abi.HeaderSize + abi.SectionHeaderSize + begun + more)
	waits := asm.Join(asm.LocalGet(1), asm.I32Const(complete), []byte{0x49}, asm.IfVoid, returns(abi.VerdictNeedMore, 0, 0), asm.End)
	c := converse(t, converser{pages: 8, hears: waits}, nil)
	one := c.dial()
	one.say(strings.Repeat("x", begun))
	for range more {
		one.say("y")
	}
	require.Eventually(t, func() bool { return one.got() == "pong" }, 10*time.Second, time.Millisecond, "what has waited is shown")
	require.Less(t, c.only().Calls, uint64(more/2))
	for range 3 { // what is shown when the peer has nothing more to say
		one.say(strings.Repeat("x", begun))
	}
	one.conn.Ended()
	c.sentAway(one, "the peer has nothing more to say")
}

package plugin_test

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"
)

// crowd has one message keep the only instance busy and n others, one at least,
// wait for it.
func (c *limitCase) crowd(n int) {
	layer := c.Inbound()[0]
	slow := request()
	slow.Path = []byte("!slow")
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() { _, _ = layer.Call(context.Background(), slow) })
	require.Eventually(c.t, func() bool { return c.only().Calls == 1 }, 10*time.Second, time.Millisecond)
	if n > 3 || n == 0 {
		n = 1
	}
	for range n {
		all.Go(func() { _, _ = layer.Call(context.Background(), request()) })
	}
}

// say has a peer say something.
func (c *limitCase) say(int) {
	peer := c.conversations().dial()
	peer.say("hello")
	require.Eventually(c.t, func() bool { return peer.got() == "pong" || c.only().LastError != "" || c.only().Calls > 1 }, 10*time.Second, time.Millisecond)
}

// asks has a peer ask, and not be answered, and its session hear of something.
func (c *limitCase) asks(int) {
	peer := c.conversations().dial()
	peer.mu.Lock()
	peer.silent = true
	peer.mu.Unlock()
	go peer.say("!")
	require.Eventually(c.t, func() bool { return peer.requests() == 1 }, 10*time.Second, time.Millisecond)
	calls := c.only().Calls
	peer.publish("!")
	require.Eventually(c.t, func() bool { return c.only().Calls > calls }, 10*time.Second, time.Millisecond)
	require.Equal(c.t, 1, peer.requests())
	if c.only().LastError == "" {
		peer.link.Close("enough")
	}
	<-peer.over
}

// replaced replaces the version that a connection belongs to, which ends soon.
func (c *limitCase) replaced(ms int) {
	peer := c.conversations().dial()
	time.AfterFunc(time.Duration(ms)*time.Millisecond, func() { peer.conn.Closed(nil) })
	if ms == 0 {
		<-peer.over
	}
	c.put("p.wasm", withManifest(c.t, converser{data: []byte("another version")}.bytes(), `{"name":"p","hooks":`+speaks+`}`))
	<-peer.over
	require.Eventually(c.t, func() bool { return c.only().Connections.Open == 0 }, 10*time.Second, time.Millisecond)
}

// hear publishes n events while the guest hears the first one.
func (c *limitCase) hear(n int) { c.hearing(n, "1") }

// hearLarge publishes an event of nearly so many KiB while the guest hears another.
func (c *limitCase) hearLarge(n int) { c.hearing(1, `"`+strings.Repeat("x", n<<10-200)+`"`) }

func (c *limitCase) hearing(n int, data string) {
	c.world.gate = make(chan struct{})
	c.world.publish("/ALL@/e", "/e", "0")
	require.Eventually(c.t, func() bool { return c.only().HostCalls+c.only().Calls > 0 && c.world.waits() }, 10*time.Second, time.Millisecond)
	for range n {
		c.world.publish("/ALL@/e", "/e", data)
	}
	close(c.world.gate)
	lost := 0
	if strings.Contains(c.log.String(), "events are lost") {
		lost = 1
	}
	require.Eventually(c.t, func() bool { return c.only().Calls == uint64(1+n-lost) }, 10*time.Second, time.Millisecond)
}

// waits reports whether somebody is before the gate.
func (w *world) waits() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.asked) > 0 && w.asked[0] == "at the gate"
}

func (c *limitCase) conversations() *conversations {
	return &conversations{folder: c.folder, board: c.board}
}

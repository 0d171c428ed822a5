package plugin_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/pipeline"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/hook"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
)

// pongs is where the guests of connections keep the answer that all of them give.
const pongs = output + 1<<15

// converser is a raw guest of kind protocol, by the code of its hooks: parameter
// 0 is the connection, 1 the length of the record or the reason, and local 2 an
// i32. A hook that does not return passes, and answers data with "pong".
type converser struct {
	pages                    uint32      // of memory, 4 if zero
	imports                  [][2]string // names, and parameters by their letters: l or i
	data                     []byte      // at output
	open, hears, event, ends []byte
}

func (c converser) bytes() []byte {
	m := &asm.Module{}
	for _, one := range c.imports {
		var params []byte
		for _, letter := range one[1] {
			params = append(params, map[rune][]byte{'l': asm.I64, 'i': asm.I32}[letter]...)
		}
		m.Import(abi.ImportModule, one[0], params, asm.I32)
	}
	m.Memory(max(c.pages, 4))
	m.Func(abi.ExportMarker, asm.None, asm.None, nil)
	m.Func(abi.ExportBuf, asm.I32, asm.I32, nil, asm.I32Const(buffer))
	shown := slices.Concat(asm.I64, asm.I32)
	pass, pong := verdict(abi.VerdictPass, 0, 0), records(sends("pong"))
	m.Func(abi.ExportConnOpen, shown, asm.I64, asm.I32, c.open, pass)
	m.Func(abi.ExportConnData, shown, asm.I64, asm.I32, c.hears, verdict(abi.VerdictEmit, pongs, uint32(len(pong))))
	m.Func(abi.ExportConnEvent, shown, asm.I64, asm.I32, c.event, pass)
	m.Func(abi.ExportConnClose, shown, asm.None, asm.I32, c.ends)
	m.Custom("happn.manifest", []byte(`{"hooks":[{"kind":"protocol"}],"grants":["listen"]}`))
	m.Data(output, c.data)
	m.Data(pongs, pong)
	return m.Bytes()
}

// onBang runs code if the first section of a record that has only one begins with
// an exclamation mark.
func onBang(code ...[]byte) []byte {
	at := int32(buffer + abi.HeaderSize + abi.SectionHeaderSize)
	return asm.Join(asm.I32Const(at), []byte{0x2d, 0, 0}, asm.I32Const('!'), []byte{0x46}, asm.IfVoid, asm.Join(code...), asm.End)
}

// onSecond runs code for the second connection.
func onSecond(code ...[]byte) []byte {
	return asm.Join(asm.LocalGet(0), asm.I64Const(2), []byte{0x51}, asm.IfVoid, asm.Join(code...), asm.End)
}

// gives returns with a verdict and the first bytes at output.
func gives(v abi.Verdict, length int) []byte {
	return asm.Join(verdict(v, output, uint32(length)), asm.Return)
}

// records makes a list.
func records(all ...abi.Record) (list []byte) {
	for i := range all {
		list = abi.AppendToList(list, &all[i])
	}
	return list
}

func sends(text string) abi.Record {
	return abi.Record{Kind: abi.KindConnection, Bytes: []byte(text)}
}

func options(text string) abi.Record {
	return abi.Record{Kind: abi.KindConnection, Options: []byte(text)}
}

func asks(path string) abi.Record {
	return abi.Record{Kind: abi.KindRequest, Action: abi.ActionGet, EventID: 1, Path: []byte(path)}
}

// switchboard is a host without sockets: the test is the peer of its connections.
type switchboard struct {
	mu    sync.Mutex
	talks []*talk
}

// talk is one connection as its session and its peer see it.
type talk struct {
	link pipeline.RecordLink
	conn *plugin.Connection
	over chan struct{} // closed when the peer is sent away

	mu     sync.Mutex
	asked  []string // paths of requests
	silent bool     // requests are never answered
	sent   bytes.Buffer
	queued int // what the peer has not read
	reason string
	ended  int // how often the session was told of its end
}

type noListener struct{ address string }

func (l noListener) Serve(plugin.Accept) {}
func (l noListener) Addr() string        { return l.address }
func (l noListener) Close()              {}

func (*switchboard) Listen(e *hook.Endpoint) (plugin.Listener, error) {
	return noListener{e.TCP}, nil
}

func (s *switchboard) OpenSession(link pipeline.RecordLink, _ string, _ plugin.Arrival) (plugin.ConnSession, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.talks[len(s.talks)-1]
	last.link = link
	return last, "session"
}

// Do answers with a response that has the request's path.
func (t *talk) Do(_ context.Context, requests ...*abi.Record) error {
	for _, r := range requests {
		t.mu.Lock()
		t.asked = append(t.asked, string(r.Path))
		silent := t.silent
		t.mu.Unlock()
		if !silent {
			t.link.Record(&abi.Record{Kind: abi.KindResponse, EventID: r.EventID, Path: bytes.Clone(r.Path)})
		}
	}
	return nil
}

func (t *talk) Pending() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.silent {
		return len(t.asked)
	}
	return 0
}

func (t *talk) Gone() {}

func (t *talk) Closed() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended++
}

// peerWire is the peer's side of a talk.
type peerWire struct{ *talk }

func (w peerWire) Send(b []byte, _ bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent.Write(b)
	w.queued += len(b)
}

func (w peerWire) Flush() {}

func (w peerWire) QueuedBytes() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.queued
}

func (w peerWire) Close(reason string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reason = reason
	close(w.over)
}

func (w peerWire) Gone() bool { return false }

const listens = `
grants: [listen, log]
hooks: [{kind: protocol, listen: [{tcp: "127.0.0.1:7000"}]}]
`

// conversations is a folder with one plugin that speaks for connections, on two
// instances that new connections are given in turn.
type conversations struct {
	*folder
	board *switchboard
}

func converse(t testing.TB, guest interface{ bytes() []byte }, change func(*plugin.Options)) *conversations {
	t.Helper()
	c := &conversations{board: &switchboard{}}
	c.folder = open(t, func(o *plugin.Options) {
		o.Network = c.board
		o.Limits.Timeout = 10 * time.Second // the machine of the tests is busy
		o.Connections.Goodbye = 200 * time.Millisecond
		if change != nil {
			change(o)
		}
	})
	t.Cleanup(c.Farewell)
	c.put("p.yaml", []byte(listens))
	c.put("p.wasm", guest.bytes())
	require.Equal(t, plugin.StateReady, c.only().State, c.only().Reason)
	return c
}

func (c *conversations) dial() *talk {
	c.t.Helper()
	t := &talk{over: make(chan struct{})}
	c.board.mu.Lock()
	c.board.talks = append(c.board.talks, t)
	c.board.mu.Unlock()
	conn, _, err := c.Connect(peerWire{t}, plugin.Arrival{IP: "127.0.0.1", Port: 1})
	require.NoError(c.t, err)
	t.conn = conn
	return t
}

// say sends what the plugin then consumes.
func (t *talk) say(text string) { t.conn.Data([]byte(text), false) }

func (t *talk) got() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sent.String()
}

func (t *talk) requests() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.asked)
}

// publish shows the session a publication.
func (t *talk) publish(path string) {
	t.link.Record(&abi.Record{Kind: abi.KindPublication, Path: []byte(path)})
}

// answers requires that the connection works.
func (c *conversations) answers(t *talk) {
	c.t.Helper()
	before := strings.Count(t.got(), "pong")
	t.say("ping")
	require.Eventually(c.t, func() bool { return strings.Count(t.got(), "pong") == before+1 }, 10*time.Second, time.Millisecond, t.reasonOf())
}

func (t *talk) reasonOf() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.reason
}

// sentAway requires that the connection ends, and why.
func (c *conversations) sentAway(t *talk, reason string) {
	c.t.Helper()
	select {
	case <-t.over:
	case <-time.After(20 * time.Second):
		require.FailNow(c.t, "the connection is still open")
	}
	require.Equal(c.t, reason, t.reasonOf())
	require.Eventually(c.t, func() bool { t.mu.Lock(); defer t.mu.Unlock(); return t.ended == 1 }, 10*time.Second, time.Millisecond)
}

// told counts the lines of the log that say this.
func (c *conversations) told(says string) int { return strings.Count(c.log.String(), says) }

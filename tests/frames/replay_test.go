package frames

import (
	"crypto/rsa"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/tests/testhost"
)

// script is how a transcript is replayed.
type script struct {
	name     string
	settings testhost.Settings
	endpoint string                            // used in place of the recorded one, /primus
	skip     map[int]string                    // connections that need more than a client, and why
	lost     map[int]string                    // sent lines that did not reach the recorded server, and why
	anyOrder map[int]string                    // lines whose items may come in another order, and why
	notes    map[string]func(*testhost.Server) // what a note asks to be done to the server
	secure   *secured                          // nil for a server without access control
}

// replay is one run of a script.
type replay struct {
	t        *testing.T
	script   script
	server   *testhost.Server
	differ   map[int]difference // by line
	lines    []line
	tokens   *tokens
	matcher  *matcher
	operator *operator       // of a server with access control
	private  *rsa.PrivateKey // of the user who logs in by key, nil for none
	conns    map[int]*conn
	pending  map[int][]expected // received lines that were passed but not yet compared
	spoken   map[int]bool       // connections that were answered at least once
	ended    map[int]bool       // connections that the server ends on purpose, see difference
	clock    int64              // latest clock time in the recording so far
}

// expected is a frame that has to come.
type expected struct {
	line  int
	frame string
}

func run(t *testing.T, s script) {
	p := &replay{t: t, script: s, tokens: newTokens(), conns: map[int]*conn{},
		pending: map[int][]expected{}, spoken: map[int]bool{}, ended: map[int]bool{}, differ: differencesOf(t, s.name)}
	p.matcher = &matcher{tokens: p.tokens, started: time.Now()}
	p.server = testhost.Start(t, s.settings)
	p.lines = readTranscript(t, s.name)
	if s.secure != nil {
		p.prepareSecure()
	}
	for _, l := range p.lines {
		if s.skip[l.Conn] == "" {
			p.step(l)
		}
	}
	p.settle()
	for n, c := range p.conns {
		p.barrier(n, c)
	}
}

func (p *replay) step(l line) {
	if p.script.secure != nil {
		p.operate(l)
	}
	switch {
	case p.script.lost[l.number] != "":
	case l.sent():
		p.settle()
		p.send(l)
		if d, ok := p.differ[l.number]; ok {
			p.expectInstead(l, d)
		}
	case l.received():
		if d, ok := p.differ[l.number]; ok {
			p.expectInstead(l, d)
		} else {
			p.expect(l.Conn, expected{l.number, *l.Frame})
		}
		p.watchClock(*l.Frame)
	case l.Event == "open":
		p.settle()
		url := "ws://" + p.server.Addr() + strings.TrimPrefix(l.Note, "GET ")
		p.conns[l.Conn] = dial(p.t, p.atEndpoint(url))
	case l.Event == "close":
		p.settle()
		p.close(l)
	case p.script.notes[l.Note] != nil:
		p.settle()
		p.script.notes[l.Note](p.server)
	}
}

func (p *replay) expect(conn int, e expected) {
	e.frame = p.atEndpoint(e.frame)
	p.pending[conn] = append(p.pending[conn], e)
}

// atEndpoint puts the endpoint of this replay into a recorded text.
func (p *replay) atEndpoint(text string) string {
	if p.script.endpoint == "" {
		return text
	}
	return strings.Replace(text, "/primus?", p.script.endpoint+"?", 1)
}

func (p *replay) expectInstead(l line, d difference) {
	conn := l.Conn
	if d.conn != 0 {
		conn = d.conn
	}
	for _, frame := range d.sends {
		p.expect(conn, expected{l.number, frame})
	}
	p.ended[conn] = p.ended[conn] || d.ends
}

func (p *replay) send(l line) {
	p.t.Helper()
	c := p.conns[l.Conn]
	if l.Binary != nil {
		c.send(p.t, websocket.BinaryMessage, *l.Binary)
		return
	}
	text := p.signed(l, p.tokens.toLive(l.text()))
	if strings.HasPrefix(text, "{") {
		nextMillisecond()
		text = p.shiftClock(text)
	}
	c.send(p.t, websocket.TextMessage, text)
}

// nextMillisecond gives every request a millisecond of its own, so that sorting
// by creation has one right answer.
func nextMillisecond() {
	for now := time.Now().UnixMilli(); time.Now().UnixMilli() == now; {
		time.Sleep(100 * time.Microsecond)
	}
}

var (
	clockTime = regexp.MustCompile(`"(?:created|modified|timestamp)":(\d{13})`)
	sentTime  = regexp.MustCompile(`:(179\d{10})\b`)
)

func (p *replay) watchClock(frame string) {
	for _, m := range clockTime.FindAllStringSubmatch(frame, -1) {
		if ms, err := strconv.ParseInt(m[1], 10, 64); err == nil {
			p.clock = max(p.clock, ms)
		}
	}
}

// shiftClock moves clock times in a request from the time of the recording to
// now.
func (p *replay) shiftClock(frame string) string {
	return sentTime.ReplaceAllStringFunc(frame, func(found string) string {
		ms, err := strconv.ParseInt(found[1:], 10, 64)
		if err != nil {
			return found
		}
		return fmt.Sprintf(":%d", ms-p.clock+time.Now().UnixMilli())
	})
}

func (p *replay) close(l line) {
	p.t.Helper()
	c, code := p.conns[l.Conn], l.closeCode(p.t)
	if l.Dir == "s>c" || p.ended[l.Conn] {
		if p.ended[l.Conn] {
			code = websocket.CloseNoStatusReceived
		}
		got := c.awaitClose(p.t)
		require.Equal(p.t, code, got, "line %d: close code of the server", l.number)
		require.Empty(p.t, c.frames, "line %d: frames before the close that were not recorded", l.number)
	} else {
		p.barrier(l.Conn, c)
		c.close(p.t, code)
	}
	delete(p.conns, l.Conn)
}

// settle waits for the frames that were recorded up to here, and compares them.
func (p *replay) settle() {
	p.t.Helper()
	deadline := time.After(patience)
	for n, group := range p.pending {
		delete(p.pending, n)
		p.spoken[n] = true
		for len(group) > 0 {
			live := p.conns[n].next(p.t, deadline, group[0].frame)
			group = p.take(n, group, live)
		}
	}
}

func (p *replay) take(conn int, group []expected, live string) []expected {
	p.t.Helper()
	rest, err := p.matcher.take(group, live, p.script.anyOrder[group[0].line] != "")
	require.NoErrorf(p.t, err, "%s line %d, connection %d\n recorded: %s\n received: %s",
		p.script.name, group[0].line, conn, clip(group[0].frame), clip(p.tokens.toRecorded(live)))
	return rest
}

// take removes from a group of expected frames the one that live is: the first,
// or one that may overtake those before it.
func (m *matcher) take(group []expected, live string, anyOrder bool) ([]expected, error) {
	first := m.try(group[0], live, anyOrder)
	if first == nil {
		return group[1:], nil
	}
	for i := 1; i < len(group); i++ {
		if mayOvertake(group[:i], group[i]) && m.try(group[i], live, anyOrder) == nil {
			return append(append([]expected{}, group[:i]...), group[i+1:]...), nil
		}
	}
	return nil, first
}

// try compares, and forgets the pairs that a failed comparison has made.
func (m *matcher) try(e expected, live string, anyOrder bool) error {
	before := m.tokens.copy()
	err := m.frame(e.frame, live, anyOrder)
	if err != nil {
		*m.tokens = *before
	}
	return err
}

// mayOvertake reports whether nothing promises that the passed frames come
// before this one: publications on other channels, and publication-acks of
// publications that do not wait for them.
func mayOvertake(passed []expected, e expected) bool {
	channel, ack := pushed(e.frame)
	for _, before := range passed {
		otherChannel, otherAck := pushed(before.frame)
		bothPushed := (channel != "" || ack) && (otherChannel != "" || otherAck)
		if !bothPushed || channel == otherChannel {
			return false
		}
	}
	return true
}

var channelOf = regexp.MustCompile(`"type":"data".*"channel":"([^"]*)"`)

func pushed(frame string) (channel string, ack bool) {
	if m := channelOf.FindStringSubmatch(frame); m != nil {
		return m[1], false
	}
	return "", strings.Contains(frame, `"action":"publication-ack"`)
}

// barrier makes sure that nothing but the recorded frames came: the answer to
// one more request has to be the next frame.
func (p *replay) barrier(number int, c *conn) {
	p.t.Helper()
	if !p.spoken[number] {
		return
	}
	c.send(p.t, websocket.TextMessage, `{"action":"describe","eventId":1000000,"data":null}`)
	frame := c.next(p.t, time.After(patience), "the answer to describe")
	require.Contains(p.t, frame, `"eventId":1000000`, "%s, connection %d: a frame that was not recorded", p.script.name, number)
}

func clip(frame string) string {
	if len(frame) > 1500 {
		return frame[:1500] + "..."
	}
	return frame
}

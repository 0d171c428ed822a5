package sdk

import (
	"bytes"
	"strconv"
	"time"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/plugins/sdk/internal/hostcall"
	"github.com/happn-host/happn-host/plugins/sdk/rawjson"
)

// ConnHandler speaks the protocol of one connection. Every field is optional.
// What the functions are given is valid until they return.
type ConnHandler struct {
	// Data takes what a stream of bytes has brought, and returns how much of it
	// it has used: the rest is shown again with what follows.
	Data func(b []byte) (used int)

	// Message takes one message of a websocket, of text or of any bytes.
	Message func(b []byte, text bool)

	// Publication hears of what the connection has subscribed to, and of messages
	// of the host, whose channel is their name and which have no path.
	Publication func(m *Message)

	// Timer hears that the time of a timer has come.
	Timer func(number int)

	// End hears that the session is ended by the host, for a reason such as an
	// administrator's. What is sent now still goes out.
	End func(reason string)

	// Closed hears that the connection is over. Nothing can be sent any more.
	Closed func(reason abi.ConnReason)
}

// Conn is a connection that the plugin speaks for. It is a session of the host,
// with its own login and permissions. Its methods are called from within hooks;
// Request only from within those of the connection itself.
type Conn struct {
	id      uint64
	owner   *conns
	handler ConnHandler
	closing bool

	endpoint, address, session string
	options, state             []byte
	resumed                    bool

	last    uint64 // number of the last request
	waiting map[uint64]func(answer *Message)
}

// Endpoint is the name of the endpoint in the operator's file.
func (c *Conn) Endpoint() string { return c.endpoint }

// Address is the peer's, host:port.
func (c *Conn) Address() string { return c.address }

// SessionID names the connection's session.
func (c *Conn) SessionID() string { return c.session }

// Transport is tcp, websocket or http.
func (c *Conn) Transport() string { return c.option("transport") }

// Subprotocol is the one that was agreed on with a websocket, "" for none.
func (c *Conn) Subprotocol() string { return c.option("subprotocol") }

// Path is the URL that a websocket or a connection over HTTP has asked for.
func (c *Conn) Path() string { return c.option("path") }

// Encrypted reports whether nobody can listen on the way.
func (c *Conn) Encrypted() bool {
	v, _ := rawjson.Lookup(c.options, "tls")
	return string(v) == "true"
}

func (c *Conn) option(name string) string {
	v, _ := rawjson.Lookup(c.options, name)
	return string(rawjson.Unquote(v))
}

// Resumed reports whether the connection comes from another version of the
// plugin, or of its configuration, which has saved State.
func (c *Conn) Resumed() bool { return c.resumed }

// State is what was last given to SaveState, in a connection that was Resumed.
func (c *Conn) State() []byte { return c.state }

// SaveState keeps up to 256 KiB (limits.stateKiB) with which another version of the plugin can go
// on with the connection: session, subscriptions and timers stay as they are.
// Without it, connections end when the plugin is replaced.
func (c *Conn) SaveState(state []byte) error { return hostcall.ConnState(c.id, state) }

// Send sends bytes, or a binary message.
func (c *Conn) Send(b []byte) { c.send(b, 0) }

// SendText sends text: as a message of text, on a websocket.
func (c *Conn) SendText(text string) { c.send([]byte(text), abi.FlagText) }

func (c *Conn) send(b []byte, flags uint8) {
	switch {
	case c.closing:
	case c.owner.current == c:
		if b == nil {
			b = []byte{}
		}
		c.owner.emit(&abi.Record{Kind: abi.KindConnection, Flags: flags, Bytes: b})
	default:
		// It may have ended without the plugin having heard of it.
		_ = hostcall.ConnSend(c.id, flags, b)
	}
}

// Close ends the connection after what was sent. The reason is for people.
func (c *Conn) Close(reason string) {
	switch {
	case c.closing:
	case c.owner.current == c:
		c.owner.emit(&abi.Record{Kind: abi.KindConnection, Action: abi.ActionDisconnect, Error: []byte(reason)})
	default:
		_ = hostcall.ConnClose(c.id, reason)
	}
	c.closing = true
}

// SetTimer has the handler's Timer called once, after a while; again sets it
// anew, and 0 stops it. Numbers begin at 0; at most 16 timers (limits.timers) of a connection
// run.
func (c *Conn) SetTimer(number int, wait time.Duration) error {
	ms := wait.Milliseconds()
	if wait > 0 && ms == 0 {
		ms = 1
	}
	return hostcall.ConnTimer(c.id, int32(number), ms)
}

// Request is what a client may ask for.
type Request struct {
	Action  abi.Action
	Path    string // for on and off a channel, such as /ALL@/a/*
	Data    []byte // JSON
	Options []byte // a JSON object, as a client has it
}

// Request has the connection's session ask for something. answer, if not nil, is
// called once with the response, whose Error says what failed. It panics outside
// of the connection's own hooks.
func (c *Conn) Request(r Request, answer func(m *Message)) {
	if c.owner.current != c {
		panic("a connection can only ask for something in its own hooks")
	}
	if c.closing {
		return
	}
	c.last++
	if c.waiting == nil {
		c.waiting = map[uint64]func(*Message){}
	}
	if answer != nil {
		c.waiting[c.last] = answer
	}
	rec := abi.Record{Kind: abi.KindRequest, Action: r.Action, EventID: c.last, Data: r.Data, Options: r.Options}
	if r.Path != "" {
		rec.Path = []byte(r.Path)
	}
	c.owner.emit(&rec)
}

// Get asks for a document, or for those that a path with * matches.
func (c *Conn) Get(path string, answer func(m *Message)) {
	c.Request(Request{Action: abi.ActionGet, Path: path}, answer)
}

// Set stores JSON and publishes it.
func (c *Conn) Set(path string, data []byte, answer func(m *Message)) {
	c.Request(Request{Action: abi.ActionSet, Path: path, Data: data}, answer)
}

// Subscribe has Publication hear of what is set or removed at the paths that a
// pattern matches.
func (c *Conn) Subscribe(pattern string, answer func(m *Message)) {
	c.Request(Request{Action: abi.ActionOn, Path: "/ALL@" + pattern}, answer)
}

// Unsubscribe takes Subscribe back.
func (c *Conn) Unsubscribe(pattern string, answer func(m *Message)) {
	c.Request(Request{Action: abi.ActionOff, Path: "/ALL@" + pattern}, answer)
}

// Login has the session log in, on a host with access control.
func (c *Conn) Login(username, password string, answer func(m *Message)) {
	data := append([]byte(`{"username":`), rawjson.AppendString(nil, username)...)
	data = append(rawjson.AppendString(append(data, `,"password":`...), password), '}')
	c.Request(Request{Action: abi.ActionLogin, Data: data}, answer)
}

// EachLine calls each with the complete lines in b, without their ends, until it
// returns false, and returns how many bytes they are, for ConnHandler.Data.
func EachLine(b []byte, each func(line []byte) (more bool)) (used int) {
	for {
		end := bytes.IndexByte(b[used:], '\n')
		if end < 0 {
			return used
		}
		line := bytes.TrimSuffix(b[used:used+end], []byte{'\r'})
		used += end + 1
		if !each(line) {
			return used
		}
	}
}

// conns are the connections of an instance.
type conns struct {
	open    map[uint64]*Conn
	current *Conn  // whose hook runs
	output  []byte // what it has decided so far, a list of records
}

func (o *conns) emit(rec *abi.Record) { o.output = abi.AppendToList(o.output, rec) }

// during runs a hook of a connection.
func (o *conns) during(c *Conn, do func()) (abi.Verdict, []byte) {
	o.output, o.current = o.output[:0], c
	defer func() { o.current = nil }()
	do()
	if len(o.output) == 0 {
		return abi.VerdictPass, nil
	}
	return abi.VerdictEmit, o.output
}

// connOpen shows a connection to the plugin.
func (r *runner) connOpen(hook func(*Conn) ConnHandler, id uint64, input []byte) (abi.Verdict, []byte) {
	if hook == nil {
		return abi.VerdictClose, []byte("the plugin has no protocol")
	}
	return r.guarded(input, func(m *Message) (abi.Verdict, []byte) {
		rec := &m.record
		c := &Conn{
			id: id, owner: &r.conns, endpoint: string(rec.Protocol), address: string(rec.Address), session: string(rec.SessionID),
			options: bytes.Clone(rec.Options), state: bytes.Clone(rec.Bytes),
		}
		v, _ := rawjson.Lookup(c.options, "resumed")
		c.resumed = string(v) == "true"
		if r.conns.open == nil {
			r.conns.open = map[uint64]*Conn{}
		}
		r.conns.open[id] = c
		return r.conns.during(c, func() { c.handler = hook(c) })
	})
}

// onConn runs what concerns a connection that is open.
func (r *runner) onConn(id uint64, input []byte, do func(c *Conn, m *Message)) (abi.Verdict, []byte) {
	c := r.conns.open[id]
	if c == nil {
		return abi.VerdictClose, []byte("the plugin does not know the connection")
	}
	return r.guarded(input, func(m *Message) (abi.Verdict, []byte) {
		return r.conns.during(c, func() { do(c, m) })
	})
}

// connData shows what a peer has sent.
func (r *runner) connData(id uint64, input []byte) (abi.Verdict, []byte) {
	more := false
	verdict, output := r.onConn(id, input, func(c *Conn, m *Message) {
		b := m.record.Bytes
		switch {
		case c.Messages() && c.handler.Message != nil:
			c.handler.Message(b, m.record.Flags&abi.FlagText != 0)
		case !c.Messages() && c.handler.Data != nil:
			more = c.took(len(b), c.handler.Data(b))
		}
	})
	if more && verdict == abi.VerdictPass {
		return abi.VerdictNeedMore, nil
	}
	return verdict, output
}

// took has the rest of some input kept. It reports whether nothing was used and
// nothing decided, so that it is enough to ask for more.
func (c *Conn) took(size, used int) (more bool) {
	if used < 0 || used > size {
		panic("ConnHandler.Data has used " + strconv.Itoa(used) + " of " + strconv.Itoa(size) + " bytes")
	}
	switch {
	case used == size || c.closing:
		return false
	case used == 0 && len(c.owner.output) == 0:
		return true
	}
	options := strconv.AppendInt([]byte(`{"keep":`), int64(size-used), 10)
	c.owner.emit(&abi.Record{Kind: abi.KindConnection, Options: append(options, '}')})
	return false
}

// Messages reports whether the connection carries whole messages, not a stream of
// bytes.
func (c *Conn) Messages() bool {
	v, _ := rawjson.Lookup(c.options, "messages")
	return string(v) == "true"
}

// connEvent shows what has come for a connection.
func (r *runner) connEvent(id uint64, input []byte) (abi.Verdict, []byte) {
	return r.onConn(id, input, func(c *Conn, m *Message) {
		rec, h := &m.record, &c.handler
		switch {
		case rec.Kind == abi.KindResponse:
			answer := c.waiting[rec.EventID]
			delete(c.waiting, rec.EventID)
			if answer != nil {
				answer(m)
			}
		case rec.Kind == abi.KindPublication:
			if h.Publication != nil {
				h.Publication(m)
			}
		case rec.Action == abi.ActionDisconnect:
			if h.End != nil {
				h.End(string(rec.Error))
			}
		case h.Timer != nil:
			h.Timer(int(rec.EventID))
		}
	})
}

// connClose tells that a connection is over.
func (r *runner) connClose(id uint64, reason abi.ConnReason) {
	c := r.conns.open[id]
	if c == nil {
		return
	}
	delete(r.conns.open, id)
	c.closing = true
	if c.handler.Closed != nil {
		caught(func() (abi.Verdict, []byte) {
			c.handler.Closed(reason)
			return abi.VerdictPass, nil
		})
	}
}

// ConnOpen shows an encoded record of a new connection to the protocol hook, like
// Inbound.
func (r *Runner) ConnOpen(conn uint64, record []byte) (abi.Verdict, []byte) {
	return r.runner.connOpen(r.Plugin.Protocol, conn, record)
}

// ConnData shows what a peer has sent, like Inbound.
func (r *Runner) ConnData(conn uint64, record []byte) (abi.Verdict, []byte) {
	return r.runner.connData(conn, record)
}

// ConnEvent shows what has come for a connection, like Inbound.
func (r *Runner) ConnEvent(conn uint64, record []byte) (abi.Verdict, []byte) {
	return r.runner.connEvent(conn, record)
}

// ConnClose tells that a connection is over.
func (r *Runner) ConnClose(conn uint64, reason abi.ConnReason) { r.runner.connClose(conn, reason) }

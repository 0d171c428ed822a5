package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/plugins/sdk"
	"github.com/happn-host/happn-host/plugins/sdk/rawjson"
)

// longest is how long a line may be, in bytes.
const longest = 256 << 10

// configure refuses what makes no sense: there is nothing to configure.
func configure(config []byte) error {
	for name := range rawjson.Members(config) {
		return fmt.Errorf("unknown key %q; this plugin has no configuration", name)
	}
	return nil
}

// session is one connection.
type session struct {
	conn    *sdk.Conn
	answers []*answer // to commands, in their order, from the first that is not complete
}

// answer is what a command is answered with. A get is faster than a set before it,
// so answers wait for those before them.
type answer struct {
	session  *session
	lines    []string
	complete bool
}

// speak speaks the protocol with a new connection.
func speak(c *sdk.Conn) sdk.ConnHandler {
	s := &session{conn: c}
	// All that a connection has is with the host: the session, its subscriptions,
	// and the part of a line that has arrived. So it can go on with the next version.
	if err := c.SaveState(nil); err != nil {
		sdk.LogWarn("connections will end when the plugin is replaced: " + err.Error())
	}
	return sdk.ConnHandler{Data: s.data, Message: s.message, Publication: s.publication, End: s.end}
}

func (s *session) data(b []byte) (used int) {
	more := true
	used = sdk.EachLine(b, func(line []byte) bool {
		more = s.command(line)
		return more
	})
	if len(b)-used > longest {
		s.send("ERR", "a line has at most "+strconv.Itoa(longest)+" bytes")
		s.conn.Close("line too long")
	}
	if !more {
		return len(b) // nothing counts behind QUIT
	}
	return used
}

// message takes a websocket message, which is one command.
func (s *session) message(b []byte, _ bool) { s.command(b) }

// command carries out one line. It reports false if nothing is to follow.
func (s *session) command(line []byte) (more bool) {
	verb, rest, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
	rest = strings.TrimSpace(rest)
	path, data, _ := strings.Cut(rest, " ")
	if verb == "" {
		return true
	}
	a := &answer{session: s}
	s.answers = append(s.answers, a)
	switch verb = strings.ToUpper(verb); {
	case verb == "QUIT":
		a.end("BYE", "")
		return false
	case verb == "SET" && path != "" && data != "":
		s.conn.Set(path, []byte(data), a.ok)
	case verb == "DEL" && path != "":
		s.conn.Request(sdk.Request{Action: abi.ActionRemove, Path: path}, a.ok)
	case verb == "GET" && path != "":
		s.conn.Get(path, a.documents)
	case verb == "SUB" && path != "":
		s.conn.Subscribe(path, a.ok)
	case verb == "UNSUB" && path != "":
		s.conn.Unsubscribe(path, a.ok)
	case verb == "LOGIN" && path != "" && data != "":
		s.conn.Login(path, data, a.ok)
	default:
		a.end("ERR", "say SET path json, GET path, DEL path, SUB pattern, UNSUB pattern, LOGIN user password or QUIT")
	}
	return true
}

// ok answers with OK, or what was wrong.
func (a *answer) ok(m *sdk.Message) {
	if !a.failed(m) {
		a.end("OK", "")
	}
}

// documents answers with a line for each document, and OK behind a list.
func (a *answer) documents(m *sdk.Message) {
	data := m.Data()
	switch {
	case a.failed(m):
	case m.Path() == nil && rawjson.TypeOf(data) == rawjson.Array: // a document has a path
		for document := range rawjson.Elements(data) {
			a.lines = append(a.lines, oneLine("DATA", string(document)))
		}
		a.end("OK", "")
	case len(data) == 0 || string(data) == "null":
		a.end("NONE", "")
	default:
		a.end("DATA", string(data))
	}
}

func (a *answer) failed(m *sdk.Message) bool {
	text := m.Error()
	if text == nil {
		return false
	}
	if message, ok := rawjson.Lookup(text, "message"); ok {
		text = rawjson.Unquote(message)
	}
	a.end("ERR", string(text))
	return true
}

// end completes an answer, and sends all that are complete.
func (a *answer) end(word, rest string) {
	a.lines, a.complete = append(a.lines, oneLine(word, rest)), true
	s := a.session
	for len(s.answers) > 0 && s.answers[0].complete {
		for _, line := range s.answers[0].lines {
			s.line(line)
			if line == "BYE" {
				s.conn.Close("the peer has quit")
			}
		}
		s.answers = s.answers[1:]
	}
}

// publication tells of a document that was set or removed.
func (s *session) publication(m *sdk.Message) {
	switch m.Action() {
	case abi.ActionSet:
		s.send("EVENT", string(m.Path())+" "+string(m.Data()))
	case abi.ActionRemove:
		s.send("GONE", string(m.Path()))
	}
}

// end says why the session is over.
func (s *session) end(reason string) { s.send("BYE", reason) }

func (s *session) send(word, rest string) { s.line(oneLine(word, rest)) }

// line sends a line, or a message of text.
func (s *session) line(text string) {
	if s.conn.Messages() {
		s.conn.SendText(text)
		return
	}
	s.conn.SendText(text + "\n")
}

// oneLine makes a line of a word and what belongs to it.
func oneLine(word, rest string) string {
	if rest == "" {
		return word
	}
	return word + " " + strings.ReplaceAll(rest, "\n", " ")
}

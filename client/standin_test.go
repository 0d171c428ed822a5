package client_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

// frame is a request as a server sees it.
type frame struct {
	Action    string          `json:"action"`
	EventID   int             `json:"eventId"`
	Path      string          `json:"path"`
	Data      json.RawMessage `json:"data"`
	SessionID string          `json:"sessionId"`
	Options   json.RawMessage `json:"options"`
	Raw       string          `json:"-"`
}

// standIn is a server that answers as a test says; what the test does not
// answer is answered with ok and no data.
type standIn struct {
	t      *testing.T
	server *httptest.Server

	mu       sync.Mutex
	answer   func(p *peer, f frame) bool // reports whether it took care of f
	sessions int
	refuse   bool
	peers    []*peer
	seen     []frame
}

// peer is the server's end of one connection.
type peer struct {
	mu      sync.Mutex
	conn    *websocket.Conn
	session string
	upgrade *http.Request
	ponged  chan string
}

func newStandIn(t *testing.T, answer func(p *peer, f frame) bool) *standIn {
	s := &standIn{t: t, answer: answer}
	s.server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(func() {
		s.dropAll()
		s.server.Close()
	})
	return s
}

func (s *standIn) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	refuse := s.refuse
	s.mu.Unlock()
	if refuse {
		http.Error(w, "not now", http.StatusServiceUnavailable)
		return
	}
	var up websocket.Upgrader
	conn, err := up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	s.mu.Lock()
	s.sessions++
	p := &peer{conn: conn, upgrade: r, session: fmt.Sprintf("session-%d", s.sessions), ponged: make(chan string, 16)}
	s.peers = append(s.peers, p)
	s.mu.Unlock()
	conn.SetPongHandler(func(data string) error {
		p.ponged <- "ws " + data
		return nil
	})
	for {
		_, raw, err := conn.ReadMessage()
		if err != nil {
			return
		}
		if strings.HasPrefix(string(raw), `"`) {
			p.ponged <- string(raw)
			continue
		}
		f := frame{Raw: string(raw)}
		if json.Unmarshal(raw, &f) != nil {
			p.send(`{"data":null,"_meta":{"type":"system"},"eventKey":"garbage"}`)
			continue
		}
		s.mu.Lock()
		s.seen = append(s.seen, f)
		answer := s.answer
		s.mu.Unlock()
		if answer != nil && answer(p, f) {
			continue
		}
		s.usual(p, f)
	}
}

func (s *standIn) usual(p *peer, f frame) {
	switch f.Action {
	case "describe":
		p.ok(f, `{"name":"stand-in","secure":false}`)
	case "login":
		p.ok(f, `{"id":"`+p.session+`"}`)
	case "on":
		p.ok(f, fmt.Sprintf(`{"id":"ref-%d"}`, f.EventID))
	case "off":
		p.ok(f, `{}`)
	default:
		p.ok(f, `null`)
	}
}

func (p *peer) send(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.conn.WriteMessage(websocket.TextMessage, []byte(text))
}

func (p *peer) ping(data string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.conn.WriteMessage(websocket.PingMessage, []byte(data))
}

func (p *peer) ok(f frame, data string) {
	p.send(fmt.Sprintf(`{"data":%s,"_meta":{"type":"response","status":"ok","published":false,"eventId":%d,"action":%q},"protocol":"happn_4"}`,
		data, f.EventID, f.Action))
}

func (p *peer) fail(f frame, wireError string) {
	p.send(fmt.Sprintf(`{"data":null,"_meta":{"type":"response","status":"error","published":false,"eventId":%d,"action":%q,"error":%s},"protocol":"happn_4"}`,
		f.EventID, f.Action, wireError))
}

// publish sends a publication; more is added to its meta and starts with a comma.
func (p *peer) publish(channel, path, data, more string) {
	p.send(fmt.Sprintf(`{"data":%s,"_meta":{"action":"/SET@%s","type":"data","consistency":2,"path":%q,"channel":%q%s},"protocol":"happn_4"}`,
		data, path, path, channel, more))
}

// drop breaks the connection without a word.
func (p *peer) drop() { _ = p.conn.NetConn().Close() }

func (s *standIn) dropAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.peers {
		p.drop()
	}
}

func (s *standIn) setRefuse(refuse bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = refuse
}

// peer returns the n-th connection, counted from 0.
func (s *standIn) peer(n int) *peer {
	s.mu.Lock()
	defer s.mu.Unlock()
	require.Greater(s.t, len(s.peers), n, "connections so far")
	return s.peers[n]
}

// frames returns the requests with an action, in order of arrival.
func (s *standIn) frames(action string) []frame {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []frame
	for _, f := range s.seen {
		if f.Action == action {
			found = append(found, f)
		}
	}
	return found
}

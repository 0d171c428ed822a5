package client

import (
	"encoding/json"
	"sync"

	"github.com/happn-host/happn-host/internal/rawjson"
)

// State is where a client's connection is in its life.
type State int

// The states of a client.
const (
	StateConnecting   State = iota // Connect has not returned yet
	StateConnected                 // logged in, every subscription in place
	StateReconnecting              // lost, the next attempt is under way or waits
	StateEnded                     // over: ended by the server, refused, or given up
	StateClosed                    // over: by Close
)

// String implements fmt.Stringer.
func (s State) String() string {
	switch s {
	case StateConnecting:
		return "connecting"
	case StateConnected:
		return "connected"
	case StateReconnecting:
		return "reconnecting"
	case StateEnded:
		return "ended"
	case StateClosed:
		return "closed"
	}
	return "unknown"
}

// Keys of system messages.
const (
	// SystemSecurityDataChanged says that users, groups or permissions that
	// concern this session changed. The server has removed subscriptions that
	// are no longer allowed.
	SystemSecurityDataChanged = "security-data-changed"

	// SystemServerSideDisconnect says why the server is about to end the
	// session; Data has a reason.
	SystemServerSideDisconnect = "server-side-disconnect"
)

// SystemMessage is a message of the server about the session.
type SystemMessage struct {
	Key  string          // SystemSecurityDataChanged, SystemServerSideDisconnect or another
	Data json.RawMessage // the message's own data, JSON
}

// Reason is the data's reason text, "" when there is none.
func (m SystemMessage) Reason() string {
	reason, _ := rawjson.Lookup(m.Data, "reason")
	return text(reason)
}

// serial runs functions one at a time in the order they were added, on a
// goroutine that exists only while there are any.
type serial struct {
	spawn func(func()) bool

	mu      sync.Mutex
	queue   []func()
	running bool
}

func (s *serial) add(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(s.queue, f)
	if !s.running {
		if s.running = s.spawn(s.run); !s.running {
			s.queue = nil // the client is closed
		}
	}
}

func (s *serial) run() {
	for {
		s.mu.Lock()
		if len(s.queue) == 0 {
			s.queue, s.running = nil, false
			s.mu.Unlock()
			return
		}
		f := s.queue[0]
		s.queue = s.queue[1:]
		s.mu.Unlock()
		f()
	}
}

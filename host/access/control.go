package access

import (
	"log/slog"
	"sync"
	"time"

	"github.com/happn-host/happn-host/host/pipeline"
	"github.com/happn-host/happn-host/host/protocol"
	"github.com/happn-host/happn-host/host/session"
	"github.com/happn-host/happn-host/security/activity"
	"github.com/happn-host/happn-host/security/directory"
	"github.com/happn-host/happn-host/security/login"
)

// Hub is what reaches the peers of sessions.
type Hub interface {
	Disconnect(b *session.Batch, s *session.Session, reason string)
	Tell(b *session.Batch, s *session.Session, eventKey string, data []byte)
	Reconsider(s *session.Session)
}

// Options says what a Control works with. Directory, Logins, Sessions and
// Logger are needed.
type Options struct {
	Directory *directory.Directory
	Logins    *login.Service
	Sessions  *session.Registry
	Server    session.Server
	Logger    *slog.Logger
	Activity  *activity.Log // nil keeps nothing of what sessions do

	Nested           bool          // get and on of /** give each user what it may have
	AdminOverNetwork bool          // whether _ADMIN may log in through a socket
	LoginTimeout     time.Duration // a connection without a login is closed; 0 never

	Now func() time.Time // nil is time.Now
}

// Control implements pipeline.Access.
type Control struct {
	Options
	hub  Hub
	stop func() // hearing of changes

	mu    sync.Mutex
	users map[string]map[*session.Session]*principal // by the name of their user

	done  chan struct{}
	sweep sync.WaitGroup
}

var _ pipeline.Access = (*Control)(nil)

// New returns a Control without a hub, see Attach. Close ends it.
func New(o Options) *Control {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Control{Options: o, users: make(map[string]map[*session.Session]*principal), done: make(chan struct{})}
}

// Attach tells the Control where peers are reached, and lets it begin to hear of
// changes. It is called once, before the first session is opened.
func (c *Control) Attach(hub Hub) {
	c.hub = hub
	c.stop = c.Directory.OnChange(c.changed)
	if c.LoginTimeout > 0 {
		c.sweep.Go(c.sweepIdle)
	}
}

// Close stops what Attach began, and waits for it.
func (c *Control) Close() {
	if c.stop == nil {
		return
	}
	c.stop()
	close(c.done)
	c.sweep.Wait()
}

// sweepIdle closes connections that have not logged in in time.
func (c *Control) sweepIdle() {
	ticker := time.NewTicker(max(c.LoginTimeout/4, 100*time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case <-c.done:
			return
		case <-ticker.C:
		}
		before := c.Now().Add(-c.LoginTimeout)
		c.Sessions.Each(func(s *session.Session) {
			if s.Principal() == nil && s.Opened().Before(before) {
				s.Close(0, "", true)
			}
		})
	}
}

// join notes that the session acts for the principal.
func (c *Control) join(s *session.Session, p *principal) {
	name := p.Username()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.users[name] == nil {
		c.users[name] = make(map[*session.Session]*principal)
	}
	c.users[name][s] = p
}

// leave notes that it does not any more.
func (c *Control) leave(s *session.Session, p *principal) {
	name := p.Username()
	if p.expiry != nil {
		p.expiry.Stop()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.users[name][s] != p {
		return
	}
	if delete(c.users[name], s); len(c.users[name]) == 0 {
		delete(c.users, name)
	}
}

// acting is a session with its principal.
type acting struct {
	session   *session.Session
	principal *principal
}

// of returns the sessions of a user.
func (c *Control) of(user string) []acting {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]acting, 0, len(c.users[user]))
	for s, p := range c.users[user] {
		all = append(all, acting{s, p})
	}
	return all
}

// everybody returns all sessions that have logged in.
func (c *Control) everybody() (all []acting) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, sessions := range c.users {
		for s, p := range sessions {
			all = append(all, acting{s, p})
		}
	}
	return all
}

// Ended implements pipeline.Access.
func (c *Control) Ended(s *session.Session) {
	if p, ok := s.Principal().(*principal); ok {
		c.leave(s, p)
	}
}

// disconnect ends the sessions that which picks.
func (c *Control) disconnect(reason string, which func(acting) bool) (ended int) {
	var batch session.Batch
	for _, a := range c.everybody() {
		if which(a) {
			c.hub.Disconnect(&batch, a.session, reason)
			ended++
		}
	}
	batch.Flush()
	return ended
}

// accessDenied is the error of what is not allowed.
func accessDenied(message, reason string) *protocol.Error {
	return &protocol.Error{Name: "AccessDenied", Code: 403, Message: message, Reason: reason}
}

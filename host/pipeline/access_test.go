package pipeline_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/memory"
	"github.com/happn-host/happn-host/host/pipeline"
	"github.com/happn-host/happn-host/host/protocol"
	"github.com/happn-host/happn-host/host/session"
)

// gate is access control in a few lines: a user may do what allowed says for
// "<user> <action>", a list of path prefixes; "!" before one prohibits it.
type gate struct {
	mu      sync.Mutex
	allowed map[string][]string
	ended   int
}

type user struct {
	gate *gate
	name string
}

func (u user) Username() string { return u.name }
func (u user) AppendRecord(dst []byte) []byte {
	return append(dst, `,"user":{"username":"`+u.name+`"}`...)
}

func (u user) May(action abi.Action, path []byte) bool {
	u.gate.mu.Lock()
	defer u.gate.mu.Unlock()
	may := false
	for _, prefix := range u.gate.allowed[u.name+" "+action.String()] {
		if no, found := strings.CutPrefix(prefix, "!"); found && strings.HasPrefix(string(path), no) {
			return false
		}
		may = may || strings.HasPrefix(string(path), prefix)
	}
	return may
}

func (g *gate) set(allowed map[string][]string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.allowed = allowed
}

func (g *gate) Login(_ context.Context, s *session.Session, data []byte) pipeline.Refusal {
	var login struct{ Username string }
	if err := json.Unmarshal(data, &login); err != nil || login.Username == "nobody" {
		return pipeline.Refusal{Error: &protocol.Error{Name: "AccessDenied", Code: 401, Message: "Invalid credentials"}}
	}
	s.ActFor(user{g, login.Username})
	return pipeline.Refusal{}
}

func refused() pipeline.Refusal {
	return pipeline.Refusal{Error: &protocol.Error{Name: "AccessDenied", Code: 403, Message: "unauthorized"}}
}

func (g *gate) Authorize(s *session.Session, action abi.Action, path []byte) pipeline.Refusal {
	p := s.Principal()
	if p == nil {
		r := refused()
		r.Close = "no-session-policy"
		return r
	}
	if !p.May(action, path) {
		return refused()
	}
	return pipeline.Refusal{}
}

func (g *gate) Behalf(s *session.Session, name string, action abi.Action, path []byte) (session.Principal, pipeline.Refusal) {
	if p := s.Principal(); p == nil || p.Username() != "admin" {
		return nil, refused()
	}
	if p := (user{g, name}); p.May(action, path) {
		return p, pipeline.Refusal{}
	}
	return nil, refused()
}

func (g *gate) MayAsk(p session.Principal, a abi.Action, pattern []byte) bool {
	return p.May(a, pattern)
}
func (g *gate) Picks(session.Principal, abi.Action, []byte) bool { return true }
func (g *gate) Nonce(string) (string, *protocol.Error)           { return "n", nil }
func (g *gate) DisconnectChildren(*session.Session)              {}
func (g *gate) Ended(*session.Session)                           { g.ended++ }

func (g *gate) RevokeToken(_ context.Context, s *session.Session) (func(), *protocol.Error) {
	if s.Principal() == nil {
		return nil, protocol.NewError("token not defined")
	}
	return func() { s.Close(0, "revoked", true) }, nil
}

func (g *gate) ChangePassword(context.Context, *session.Session, []byte) *protocol.Error { return nil }

// secured returns a pipeline behind a gate, with some documents of admin's.
func secured(t *testing.T) (*pipeline.Pipeline, *gate, *talker) {
	g := &gate{}
	p := pipelineWith(t, memory.DurabilityNone, func(o *pipeline.Options) { o.Access = g })
	g.set(map[string][]string{
		"admin get": {"/"}, "admin set": {"/"}, "admin on": {"/"}, "admin remove": {"/"},
		"bob get": {"/a/", "!/a/secret"}, "bob on": {"/a/", "!/a/secret"}, "bob set": {"/a/"}, "bob remove": {"/a/", "!/a/secret"},
	})
	admin := loggedIn(t, p, "admin")
	for _, path := range []string{"/a/1", "/a/2", "/a/secret", "/b/1", "/_SYSTEM/x"} {
		requireStatus(t, "ok", admin.ask(`{"action":"set","eventId":1,"path":"`+path+`","data":{"p":"`+path+`"}}`))
	}
	return p, g, admin
}

func loggedIn(t *testing.T, p *pipeline.Pipeline, name string) *talker {
	k := connect(t, p, false)
	requireStatus(t, "ok", k.ask(`{"action":"login","eventId":2,"data":{"username":"`+name+`","info":{}}}`))
	return k
}

func requireStatus(t *testing.T, want string, answer map[string]any) {
	t.Helper()
	require.Equal(t, want, answer["_meta"].(map[string]any)["status"], "%v", answer)
}

func paths(answer map[string]any) []string {
	list := answer["list"].([]any)
	found := []string{}
	for _, item := range list[:len(list)-1] {
		found = append(found, item.(map[string]any)["_meta"].(map[string]any)["path"].(string))
	}
	return found
}

type ignored struct{}

func (ignored) Written(*datastore.Document, error) {}

func TestWithoutLoginNothingIsServed(t *testing.T) {
	p, g, _ := secured(t)
	for _, action := range []string{"get", "set", "on", "remove", "count"} {
		k := connect(t, p, false)
		requireStatus(t, "error", k.ask(`{"action":"`+action+`","eventId":3,"path":"/a/1","data":{}}`))
		pushed := k.wire.take(t)
		assert.Equal(t, "server-side-disconnect", pushed["eventKey"])
		assert.Equal(t, map[string]any{"reason": "no-session-policy"}, pushed["data"])
		k.peer.Closed(nil)
	}
	assert.Equal(t, 5, g.ended)
}

func TestARefusedLoginLeavesTheSessionAsItWas(t *testing.T) {
	p, _, _ := secured(t)
	k := loggedIn(t, p, "bob")
	requireStatus(t, "error", k.ask(`{"action":"login","eventId":3,"data":{"username":"nobody"}}`))
	requireStatus(t, "ok", k.ask(`{"action":"get","eventId":4,"path":"/a/1"}`))
}

func TestWhatAPrincipalMayNotHaveIsLeftOutOneByOne(t *testing.T) {
	p, _, admin := secured(t)
	bob := loggedIn(t, p, "bob")
	assert.Equal(t, []string{"/a/1", "/a/2"}, paths(bob.ask(`{"action":"get","eventId":3,"path":"/a/*"}`)))
	assert.Equal(t, []string{"/a/2"}, paths(bob.ask(`{"action":"get","eventId":3,"path":"/a/*","options":{"options":{"skip":1,"limit":1}}}`)))
	count := bob.ask(`{"action":"count","eventId":4,"path":"/a/*"}`)
	assert.EqualValues(t, 2, count["data"].(map[string]any)["value"])
	grouped := bob.ask(`{"action":"get","eventId":5,"path":"/a/*","options":{"aggregate":[{"$count":"n"}]}}`)
	assert.Equal(t, map[string]any{"value": []any{map[string]any{"n": 2.0}}}, grouped["data"])
	requireStatus(t, "error", bob.ask(`{"action":"get","eventId":6,"path":"/a/1","options":{"aggregate":[{"$lookup":{"from":"/b/*","as":"x","localField":"a","foreignField":"b"}}]}}`))
	removed := bob.ask(`{"action":"remove","eventId":7,"path":"/a/*"}`)
	assert.Equal(t, map[string]any{"removed": 2.0}, removed["data"])
	requireStatus(t, "ok", admin.ask(`{"action":"get","eventId":8,"path":"/a/secret"}`))
}

func TestSubscribersHearOnlyOfWhatTheyMayAtThatMoment(t *testing.T) {
	p, g, admin := secured(t)
	bob := loggedIn(t, p, "bob")
	requireStatus(t, "ok", bob.ask(`{"action":"on","eventId":3,"path":"/ALL@/a/*"}`))
	write := func(path string) {
		requireStatus(t, "ok", admin.ask(`{"action":"set","eventId":9,"path":"`+path+`","data":{}}`))
	}
	write("/a/secret")
	bob.wire.none(t)
	write("/a/1")
	meta := bob.wire.take(t)["_meta"].(map[string]any)
	assert.Equal(t, "admin", meta["eventOrigin"].(map[string]any)["username"])
	g.set(map[string][]string{"admin set": {"/"}})
	write("/a/1")
	bob.wire.none(t)
	p.Reconsider(bob.peer.Session())
	g.set(map[string][]string{"admin set": {"/"}, "bob on": {"/a/"}})
	write("/a/1")
	bob.wire.none(t) // the subscription has gone
}

func TestActingForSomebodyElse(t *testing.T) {
	p, _, admin := secured(t)
	bob := loggedIn(t, p, "bob")
	requireStatus(t, "ok", bob.ask(`{"action":"on","eventId":3,"path":"/ALL@/a/*"}`))
	answer := admin.ask(`{"action":"set","eventId":4,"path":"/a/1","data":{},"options":{"onBehalfOf":"bob"}}`)
	requireStatus(t, "ok", answer)
	meta := bob.wire.take(t)["_meta"].(map[string]any)
	origin := meta["eventOrigin"].(map[string]any)
	assert.Equal(t, "bob", origin["username"])
	assert.NotEqual(t, admin.peer.Session().ID, origin["id"])
	requireStatus(t, "error", admin.ask(`{"action":"set","eventId":5,"path":"/b/1","data":{},"options":{"onBehalfOf":"bob"}}`))
	requireStatus(t, "error", bob.ask(`{"action":"set","eventId":6,"path":"/a/1","data":{},"options":{"onBehalfOf":"bob"}}`))
	assert.Equal(t, []string{"/a/1", "/a/2"}, paths(admin.ask(`{"action":"get","eventId":7,"path":"/a/*","options":{"onBehalfOf":"bob"}}`)))
	t.Run("what was subscribed for another one is what that one may hear of", func(t *testing.T) {
		requireStatus(t, "ok", admin.ask(`{"action":"on","eventId":8,"path":"/ALL@/a/*","options":{"onBehalfOf":"bob"}}`))
		requireStatus(t, "ok", admin.ask(`{"action":"set","eventId":9,"path":"/a/secret","data":{}}`))
		admin.wire.none(t)
	})
}

func TestASiblingNeedsTheRightToItsOwnPath(t *testing.T) {
	p, g, _ := secured(t)
	bob := loggedIn(t, p, "bob")
	requireStatus(t, "ok", bob.ask(`{"action":"set","eventId":3,"path":"/a/1","data":{},"options":{"set_type":"sibling"}}`))
	g.set(map[string][]string{"bob set": {"/a/1", "!/a/1/"}})
	requireStatus(t, "error", bob.ask(`{"action":"set","eventId":3,"path":"/a/1","data":{},"options":{"set_type":"sibling"}}`))
}

func TestRevokingATokenAnswersFirst(t *testing.T) {
	p, _, _ := secured(t)
	bob := loggedIn(t, p, "bob")
	requireStatus(t, "ok", bob.ask(`{"action":"revoke-token","eventId":3}`))
	assert.Equal(t, "revoked", bob.wire.closed)
	k := connect(t, p, false)
	requireStatus(t, "error", k.ask(`{"action":"revoke-token","eventId":3}`))
}

func TestWithoutAccessControlTheHostKeepsWhatIsItsOwn(t *testing.T) {
	p := newPipeline(t, memory.DurabilityNone)
	for _, path := range []string{"/_SYSTEM/_NETWORK/_SETTINGS/NAME", "/_SYSTEMATIC/1", "/a/1"} {
		p.Store.Write(t.Context(), &datastore.Write{Op: datastore.Put, Path: []byte(path), Data: []byte("{}")}, ignored{})
	}
	k := connect(t, p, false)
	for _, path := range []string{"/_SYSTEM/_NETWORK/_SETTINGS/NAME", "/_SYSTEM", "/_SYSTEM*", "/_SYSTEM/*"} {
		for _, action := range []string{"get", "set", "on", "remove", "count"} {
			if action == "set" && strings.Contains(path, "*") {
				continue
			}
			answer := k.ask(`{"action":"` + action + `","eventId":3,"path":"` + path + `","data":{}}`)
			requireStatus(t, "error", answer)
		}
	}
	for pattern, want := range map[string][]string{
		"*": {"/_SYSTEMATIC/1", "/a/1"}, "/_*": {"/_SYSTEMATIC/1"}, "/_SYS*/1": {"/_SYSTEMATIC/1"}, "**NAME": {},
	} {
		assert.Equal(t, want, paths(k.ask(`{"action":"get","eventId":4,"path":"`+pattern+`"}`)), pattern)
	}
	assert.Equal(t, map[string]any{"removed": 2.0}, k.ask(`{"action":"remove","eventId":5,"path":"*"}`)["data"])
}

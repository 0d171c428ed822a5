package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/client"
)

func TestConnectSpeaksTheHandshakeOfHappn4(t *testing.T) {
	s := newStandIn(t, nil)
	c := connect(t, client.Options{URL: s.server.URL, Username: "bob", Password: "secret", Info: map[string]any{"k": "v"}})

	assert.Equal(t, `{"action":"configure-session","eventId":1,"data":{"protocol":"happn_4","version":"13.12.1","browser":false}}`,
		s.frames("configure-session")[0].Raw)
	assert.Equal(t, `{"action":"describe","eventId":2,"data":null}`, s.frames("describe")[0].Raw)
	login := s.frames("login")[0]
	assert.Equal(t, 3, login.EventID)
	assert.JSONEq(t, `{"username":"bob","password":"secret","protocol":"happn_4","info":{"k":"v","_browser":false,"_local":false}}`,
		string(login.Data))
	assert.Equal(t, "session-1", c.Session().ID)
	assert.Equal(t, "stand-in", c.Session().Server)
	assert.Equal(t, client.StateConnected, c.State())
}

func TestConnectChoosesTheEndpoint(t *testing.T) {
	s := newStandIn(t, nil)
	address := s.server.Listener.Addr().String()
	cases := []struct {
		name    string
		options client.Options
		path    string
	}{
		{"http means primus", client.Options{URL: "http://" + address}, "/primus"},
		{"ws with a slash means primus", client.Options{URL: "ws://" + address + "/"}, "/primus"},
		{"no scheme means ws", client.Options{URL: address}, "/primus"},
		{"plain means ws", client.Options{URL: "http://" + address, Plain: true}, "/ws"},
		{"a path is kept", client.Options{URL: "ws://" + address + "/primus/x?y=z"}, "/primus/x"},
	}
	for i, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			test.options.Header = http.Header{"X-Test": {"yes"}}
			connect(t, test.options)
			assert.Equal(t, test.path, s.peer(i).upgrade.URL.Path)
			assert.Equal(t, "yes", s.peer(i).upgrade.Header.Get("X-Test"))
		})
	}
}

func TestConnectRefusesBadAddresses(t *testing.T) {
	for _, url := range []string{"ftp://host", "ws://", "http://[::1", "://x"} {
		_, err := client.Connect(testContext(t), client.Options{URL: url})
		assert.ErrorContains(t, err, "server address", url)
	}
}

func TestConnectFailsAtOnceWhenCredentialsAreRefused(t *testing.T) {
	for code, sentinel := range map[string]error{"401": client.ErrUnauthorized, "403": client.ErrForbidden} {
		s := newStandIn(t, func(p *peer, f frame) bool {
			if f.Action == "login" {
				p.fail(f, `{"name":"AccessDenied","code":`+code+`,"message":"Invalid credentials"}`)
			}
			return f.Action == "login"
		})
		_, err := client.Connect(testContext(t), client.Options{URL: s.server.URL})
		require.ErrorIs(t, err, sentinel)
		var answered *client.Error
		require.ErrorAs(t, err, &answered)
		assert.Equal(t, "AccessDenied", answered.Name)
		assert.Equal(t, "Invalid credentials", answered.Message)
		assert.Len(t, s.frames("login"), 1)
	}
}

func TestConnectEndsWithItsContext(t *testing.T) {
	s := newStandIn(t, func(*peer, frame) bool { return true }) // never answers
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	_, err := client.Connect(ctx, client.Options{URL: s.server.URL})
	assert.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestConnectTellsWhatTheServerAnsweredInsteadOfAnUpgrade(t *testing.T) {
	s := newStandIn(t, nil)
	s.setRefuse(true)
	_, err := client.Connect(testContext(t), client.Options{URL: s.server.URL})
	assert.ErrorContains(t, err, "503")
}

func TestPingsAreAnswered(t *testing.T) {
	s := newStandIn(t, nil)
	connect(t, client.Options{URL: s.server.URL})
	s.peer(0).send(`"primus::ping::1795189329725"`)
	assert.Equal(t, `"primus::pong::1795189329725"`, receive(t, s.peer(0).ponged))
	s.peer(0).ping("hello")
	assert.Equal(t, "ws hello", receive(t, s.peer(0).ponged))
}

func TestSilentServerCountsAsLost(t *testing.T) {
	s := newStandIn(t, nil)
	lost := make(chan error, 10)
	connect(t, client.Options{
		URL: s.server.URL, PingTimeout: 50 * time.Millisecond, Reconnect: client.ReconnectOptions{Disabled: true},
		Listener: client.Listener{StateChanged: func(state client.State, err error) {
			if state == client.StateEnded {
				lost <- err
			}
		}},
	})
	assert.ErrorContains(t, receive(t, lost), "nothing heard from the server")
}

func TestPingsKeepAConnectionAlive(t *testing.T) {
	s := newStandIn(t, nil)
	c := connect(t, client.Options{URL: s.server.URL, PingTimeout: 200 * time.Millisecond})
	for range 10 {
		time.Sleep(40 * time.Millisecond) // the time that passes is what is tested
		s.peer(0).ping("")
		receive(t, s.peer(0).ponged)
	}
	assert.Equal(t, client.StateConnected, c.State())
	assert.Equal(t, "session-1", c.Session().ID)
}

func TestServerMayEndTheSession(t *testing.T) {
	s := newStandIn(t, nil)
	messages := make(chan client.SystemMessage, 1)
	states := make(chan client.State, 10)
	c := connect(t, client.Options{
		URL: s.server.URL, Reconnect: quickly(),
		Listener: client.Listener{
			SystemMessage: func(m client.SystemMessage) { messages <- m },
			StateChanged:  func(state client.State, _ error) { states <- state },
		},
	})
	p := s.peer(0)
	p.send(`{"_meta":{"type":"system"},"data":{"reason":"token-revoked"},"eventKey":"server-side-disconnect"}`)
	p.send(`"primus::server::close"`)

	m := receive(t, messages)
	assert.Equal(t, client.SystemServerSideDisconnect, m.Key)
	assert.Equal(t, "token-revoked", m.Reason())
	assert.Equal(t, client.StateConnected, receive(t, states))
	assert.Equal(t, client.StateEnded, receive(t, states))
	_, err := c.Get(testContext(t), "/a", nil)
	require.ErrorIs(t, err, client.ErrSessionEnded)
	assert.ErrorIs(t, err, client.ErrDisconnected)
	assert.ErrorContains(t, err, "token-revoked")
	assert.ErrorIs(t, c.WaitConnected(testContext(t)), client.ErrSessionEnded)
}

func TestSystemMessagesReachTheListener(t *testing.T) {
	s := newStandIn(t, nil)
	messages := make(chan client.SystemMessage, 1)
	connect(t, client.Options{URL: s.server.URL,
		Listener: client.Listener{SystemMessage: func(m client.SystemMessage) { messages <- m }}})
	s.peer(0).send(`{"_meta":{"type":"system"},"eventKey":"security-data-changed","data":{"whatHappnd":"link-group","changedData":{}},"protocol":"happn_4"}`)
	m := receive(t, messages)
	assert.Equal(t, client.SystemSecurityDataChanged, m.Key)
	assert.JSONEq(t, `{"whatHappnd":"link-group","changedData":{}}`, string(m.Data))
}

func TestNonsenseFromTheServerIsSurvived(t *testing.T) {
	s := newStandIn(t, nil)
	c := connect(t, client.Options{URL: s.server.URL})
	for _, text := range []string{``, `null`, `17`, `[]`, `[1]`, `{}`, `{"`, `{"a":`, `{"_meta":5}`, `"primus::`, `"primus::what"`,
		`{"_meta":{"type":"data","channel":7}}`, `{"_meta":{"eventId":"x"}}`, `{"_meta":{"type":"ack"}}`, `[[[[`, `{"a":"\`} {
		s.peer(0).send(text)
	}
	_, err := c.Count(testContext(t), "/a", nil)
	assert.NoError(t, err)
}

func TestCloseEndsEverything(t *testing.T) {
	s := newStandIn(t, func(_ *peer, f frame) bool { return f.Action == "set" }) // never answers a set
	c := connect(t, client.Options{URL: s.server.URL})
	failed := make(chan error)
	go func() {
		_, err := c.Set(context.Background(), "/a", 1, nil)
		failed <- err
	}()
	require.Eventually(t, func() bool { return len(s.frames("set")) == 1 }, patience, time.Millisecond)
	require.NoError(t, c.Close())
	require.NoError(t, c.Close())
	err := receive(t, failed)
	assert.ErrorIs(t, err, client.ErrClosed)
	assert.ErrorIs(t, err, client.ErrOutcomeUnknown)
	_, err = c.Get(testContext(t), "/a", nil)
	assert.ErrorIs(t, err, client.ErrClosed)
	assert.ErrorIs(t, c.WaitConnected(testContext(t)), client.ErrClosed)
}

func TestInProcessTransportNeedsNoSocket(t *testing.T) {
	frames := make(chan string, 16)
	var pipe *client.InProcess
	closed := make(chan struct{})
	pipe = client.NewInProcess(func(raw []byte) error {
		var f frame
		if err := json.Unmarshal(raw, &f); err != nil {
			return err
		}
		frames <- f.Action
		data := map[string]string{"describe": `{"name":"here"}`, "login": `{"id":"local"}`}[f.Action]
		if data == "" {
			data = "null"
		}
		answer, _ := json.Marshal(map[string]any{"data": json.RawMessage(data), "_meta": map[string]any{"eventId": f.EventID, "status": "ok"}})
		return pipe.Deliver(answer)
	}, func() { close(closed) }, 0)
	c, err := client.NewOverTransport(testContext(t), pipe, client.Options{Local: true})
	require.NoError(t, err)
	_, err = c.Get(testContext(t), "/a", nil)
	assert.ErrorIs(t, err, client.ErrNotFound)
	require.NoError(t, c.Close())
	receive(t, closed)
	for _, action := range []string{"configure-session", "describe", "login", "get"} {
		assert.Equal(t, action, receive(t, frames))
	}
	assert.Error(t, pipe.Deliver([]byte(`{}`)))
}

func TestInProcessBacklogIsBounded(t *testing.T) {
	pipe := client.NewInProcess(func([]byte) error { return nil }, nil, 10)
	require.NoError(t, pipe.Deliver([]byte("12345678")))
	assert.ErrorIs(t, pipe.Deliver([]byte("123")), client.ErrBacklogFull)
	got, err := pipe.Receive()
	require.NoError(t, err)
	assert.Equal(t, "12345678", string(got))
	require.NoError(t, pipe.Deliver([]byte("123")))
	require.NoError(t, pipe.Close())
	got, err = pipe.Receive()
	require.NoError(t, err)
	assert.Equal(t, "123", string(got))
	_, err = pipe.Receive()
	assert.Error(t, err)
}

func TestErrorsSayWhatTheServerSaid(t *testing.T) {
	cases := []struct {
		name, wire string
		want       client.Error
		text       string
		is         error
	}{
		{"access denied", `{"name":"AccessDenied","code":403,"message":"unauthorized","reason":"why"}`,
			client.Error{Name: "AccessDenied", Code: 403, Message: "unauthorized", Reason: "why"},
			"get /x: AccessDenied 403: unauthorized (why)", client.ErrForbidden},
		{"no code", `{"name":"Error","message":"Bad path"}`,
			client.Error{Name: "Error", Message: "Bad path"}, "get /x: Error: Bad path", nil},
		{"a text for code", `{"name":"Error","code":"ECONNRESET","message":"gone"}`,
			client.Error{Name: "Error", Message: "gone"}, "get /x: Error: gone", nil},
		{"a text for everything", `"boom"`, client.Error{Name: "Error", Message: "boom"}, "get /x: Error: boom", nil},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			s := newStandIn(t, func(p *peer, f frame) bool {
				if f.Action == "get" {
					p.fail(f, test.wire)
				}
				return f.Action == "get"
			})
			c := connect(t, client.Options{URL: s.server.URL})
			_, err := c.Get(testContext(t), "/x", nil)
			var got *client.Error
			require.True(t, errors.As(err, &got), "%v", err)
			test.want.Action, test.want.Path = "get", "/x"
			assert.Equal(t, test.want, *got)
			assert.Equal(t, test.text, err.Error())
			if test.is != nil {
				assert.ErrorIs(t, err, test.is)
			}
		})
	}
}

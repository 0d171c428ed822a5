package client_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/client"
)

const tick = time.Millisecond

func TestReconnectKeepsEverySubscriptionOption(t *testing.T) {
	s := newStandIn(t, nil)
	c := connect(t, client.Options{URL: s.server.URL, Reconnect: quickly()})
	got := make(chan client.Publication, 10)
	initial := make(chan int, 10)
	_, err := c.On(testContext(t), "/a/**", collect(got), &client.OnOptions{
		Event: client.EventSet, Count: 9, Depth: 3, Merge: true, Meta: map[string]any{"m": 1}, OnBehalfOf: "joe",
		InitialEmit: true, InitialCallback: func(_ context.Context, docs []client.Document) { initial <- len(docs) }})
	require.NoError(t, err)
	before := s.frames("on")[0]

	s.peer(0).drop()
	require.Eventually(t, func() bool { return c.Session().ID == "session-2" }, patience, tick)
	require.NoError(t, c.WaitConnected(testContext(t)))

	ons := s.frames("on")
	require.Len(t, ons, 2)
	assert.Equal(t, before.Path, ons[1].Path)
	assert.Equal(t, string(before.Options), string(ons[1].Options))
	assert.Greater(t, ons[1].EventID, before.EventID, "event ids go on")
	s.peer(1).publish("/SET@/a/**", "/a/b", `{"n":1}`, "")
	assert.Equal(t, "/a/b", receive(t, got).Meta.Path)
	receive(t, initial)
	receive(t, initial)
}

func TestRequestsUnderWayFailWithAnUnknownOutcome(t *testing.T) {
	s := newStandIn(t, func(_ *peer, f frame) bool { return f.Path != "" })
	c := connect(t, client.Options{URL: s.server.URL, Reconnect: quickly()})
	errs := make(chan error, 2)
	go func() {
		_, err := c.Set(context.Background(), "/a", 1, nil)
		errs <- err
	}()
	require.Eventually(t, func() bool { return len(s.frames("set")) == 1 }, patience, tick)
	go func() {
		_, err := c.Get(context.Background(), "/a", nil)
		errs <- fmt.Errorf("read: %w", err)
	}()
	require.Eventually(t, func() bool { return len(s.frames("get")) == 1 }, patience, tick)
	s.peer(0).drop()
	for range 2 {
		err := receive(t, errs)
		assert.ErrorIs(t, err, client.ErrDisconnected)
		if err.Error()[:4] == "read" {
			assert.NotErrorIs(t, err, client.ErrOutcomeUnknown)
		} else {
			assert.ErrorIs(t, err, client.ErrOutcomeUnknown)
			assert.ErrorContains(t, err, "set /a")
		}
	}
	require.NoError(t, c.WaitConnected(testContext(t)))
	assert.Len(t, s.frames("set"), 1, "a write is never repeated")
}

func TestRequestsWhileDisconnectedFailAtOnce(t *testing.T) {
	s := newStandIn(t, nil)
	c := connect(t, client.Options{URL: s.server.URL, Reconnect: quickly()})
	sub, err := c.On(testContext(t), "/a", ignore, nil)
	require.NoError(t, err)
	s.setRefuse(true)
	s.peer(0).drop()
	require.Eventually(t, func() bool { return c.State() == client.StateReconnecting }, patience, tick)
	_, err = c.Set(testContext(t), "/a", 1, nil)
	assert.ErrorIs(t, err, client.ErrDisconnected)
	assert.NotErrorIs(t, err, client.ErrOutcomeUnknown, "it was never sent")
	_, err = c.On(testContext(t), "/b", ignore, nil)
	assert.ErrorIs(t, err, client.ErrDisconnected)
	assert.NoError(t, sub.Off(testContext(t)), "there is nothing to tell a server that is gone")
	assert.NoError(t, c.OffAll(testContext(t)))

	s.setRefuse(false)
	require.NoError(t, c.WaitConnected(testContext(t)))
	assert.Len(t, s.frames("on"), 1, "what ended meanwhile is not taken up again")
}

func TestSubscriptionRefusedAfterReconnectIsLost(t *testing.T) {
	s := newStandIn(t, func(p *peer, f frame) bool {
		if f.Action == "on" && p.session != "session-1" && f.Path == "/ALL@/secret" {
			p.fail(f, `{"name":"AccessDenied","code":403,"message":"unauthorized"}`)
			return true
		}
		return false
	})
	type loss struct {
		sub *client.Subscription
		err error
	}
	lost := make(chan loss, 1)
	c := connect(t, client.Options{URL: s.server.URL, Reconnect: quickly(), Listener: client.Listener{
		SubscriptionLost: func(sub *client.Subscription, err error) { lost <- loss{sub, err} }}})
	secret, err := c.On(testContext(t), "/secret", ignore, nil)
	require.NoError(t, err)
	got := make(chan client.Publication, 1)
	_, err = c.On(testContext(t), "/open", collect(got), nil)
	require.NoError(t, err)
	s.peer(0).drop()
	l := receive(t, lost)
	assert.Same(t, secret, l.sub)
	assert.ErrorIs(t, l.err, client.ErrForbidden)
	require.NoError(t, c.WaitConnected(testContext(t)))
	s.peer(1).publish("/ALL@/open", "/open", `{}`, "")
	receive(t, got)
}

func TestReconnectTakesUpMoreSubscriptionsThanItsWindow(t *testing.T) {
	const many = 1000
	s := newStandIn(t, nil)
	c := connect(t, client.Options{URL: s.server.URL, Reconnect: quickly()})
	for i := range many {
		_, err := c.On(testContext(t), fmt.Sprintf("/n/%d", i), ignore, nil)
		require.NoError(t, err)
	}
	s.peer(0).drop()
	require.Eventually(t, func() bool { return c.Session().ID == "session-2" }, patience, tick)
	assert.Len(t, s.frames("on"), 2*many)
}

func TestOtherFailureToSubscribeAgainIsTriedAgain(t *testing.T) {
	s := newStandIn(t, func(p *peer, f frame) bool {
		if f.Action == "on" && p.session == "session-2" {
			p.fail(f, `{"name":"SystemError","code":500,"message":"not ready"}`)
			return true
		}
		return false
	})
	c := connect(t, client.Options{URL: s.server.URL, Reconnect: quickly()})
	_, err := c.On(testContext(t), "/a", ignore, nil)
	require.NoError(t, err)
	s.peer(0).drop()
	require.Eventually(t, func() bool { return c.Session().ID == "session-3" }, patience, tick)
}

func TestReconnectGivesUp(t *testing.T) {
	t.Run("after so many attempts", func(t *testing.T) {
		s := newStandIn(t, nil)
		o := quickly()
		o.Attempts = 2
		c := connect(t, client.Options{URL: s.server.URL, Reconnect: o})
		s.setRefuse(true)
		s.peer(0).drop()
		require.Eventually(t, func() bool { return c.State() == client.StateEnded }, patience, tick)
		assert.ErrorContains(t, c.WaitConnected(testContext(t)), "gave up after 2 attempts")
	})
	t.Run("when credentials are refused", func(t *testing.T) {
		s := newStandIn(t, func(p *peer, f frame) bool {
			if f.Action == "login" && p.session != "session-1" {
				p.fail(f, `{"name":"AccessDenied","code":401,"message":"Invalid credentials"}`)
				return true
			}
			return false
		})
		c := connect(t, client.Options{URL: s.server.URL, Reconnect: quickly()})
		s.peer(0).drop()
		require.Eventually(t, func() bool { return c.State() == client.StateEnded }, patience, tick)
		_, err := c.Get(testContext(t), "/a", nil)
		assert.ErrorIs(t, err, client.ErrUnauthorized)
	})
}

func TestCloseWhileReconnecting(t *testing.T) {
	s := newStandIn(t, nil)
	c := connect(t, client.Options{URL: s.server.URL, Reconnect: client.ReconnectOptions{Min: time.Hour, Max: time.Hour}})
	s.peer(0).drop()
	require.Eventually(t, func() bool { return c.State() == client.StateReconnecting }, patience, tick)
	waiting := make(chan error, 1)
	go func() { waiting <- c.WaitConnected(context.Background()) }()
	require.NoError(t, c.Close())
	assert.ErrorIs(t, receive(t, waiting), client.ErrClosed)
}

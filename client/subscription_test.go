package client_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/client"
)

func ignore(context.Context, client.Publication) {}

func TestSubscriptionsOnTheWire(t *testing.T) {
	cases := []struct {
		name, path    string
		options       *client.OnOptions
		channel, wire string
	}{
		{"plain", "/a/b", nil, "/ALL@/a/b", `{"event_type":"all","count":0}`},
		{"set only", "/a/*", &client.OnOptions{Event: client.EventSet}, "/SET@/a/*", `{"event_type":"set","count":0}`},
		{"removals, counted", "*", &client.OnOptions{Event: client.EventRemove, Count: 3}, "/REMOVE@*", `{"event_type":"remove","count":3}`},
		{"default depth", "/a/**", nil, "/ALL@/a/**", `{"event_type":"all","count":0,"depth":7}`},
		{"depth", "**", &client.OnOptions{Depth: 2}, "/ALL@**", `{"event_type":"all","count":0,"depth":2}`},
		{"everything", "/a", &client.OnOptions{Merge: true, InitialEmit: true, InitialCallback: func(context.Context, []client.Document) {},
			Meta: map[string]any{"m": 1}, OnBehalfOf: "joe", Depth: 3},
			"/ALL@/a", `{"event_type":"all","count":0,"merge":true,"initialCallback":true,"initialEmit":true,"meta":{"m":1},"onBehalfOf":"joe"}`},
	}
	s := newStandIn(t, nil)
	c := connect(t, client.Options{URL: s.server.URL, DefaultVariableDepth: 7})
	for i, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			sub, err := c.On(testContext(t), test.path, ignore, test.options)
			require.NoError(t, err)
			assert.Equal(t, test.path, sub.Path())
			on := s.frames("on")[i]
			assert.Equal(t, test.channel, on.Path)
			assert.Equal(t, test.wire, string(on.Options))
			require.NoError(t, sub.Off(testContext(t)))
			require.NoError(t, sub.Off(testContext(t)), "twice is no error")
			off := s.frames("off")
			require.Len(t, off, i+1)
			assert.Equal(t, test.channel, off[i].Path)
			assert.Equal(t, fmt.Sprintf(`{"referenceId":"ref-%d"}`, on.EventID), string(off[i].Options))
		})
	}
}

func TestPublicationsReachTheirHandlersInOrder(t *testing.T) {
	s := newStandIn(t, nil)
	c := connect(t, client.Options{URL: s.server.URL})
	got := make(chan client.Publication, 1000)
	_, err := c.On(testContext(t), "/a/*", collect(got), nil)
	require.NoError(t, err)
	for i := range 1000 {
		s.peer(0).publish("/ALL@/a/*", "/a/b", fmt.Sprintf(`{"n":%d}`, i), `,"sessionId":"x","created":1,"modified":2,"own":true`)
	}
	s.peer(0).publish("/ALL@/b", "/b", `{}`, "") // nobody's
	for i := range 1000 {
		p := receive(t, got)
		var data struct{ N int }
		require.NoError(t, p.Decode(&data))
		require.Equal(t, i, data.N)
		assert.Equal(t, "/a/b", p.Meta.Path)
		assert.Equal(t, int64(2), p.Meta.Modified)
		assert.False(t, p.Removed())
		assert.Contains(t, string(p.Meta.Raw), `"own":true`)
	}
}

func TestPublicationBeforeTheAnswerIsNotLost(t *testing.T) {
	s := newStandIn(t, func(p *peer, f frame) bool {
		if f.Action == "on" {
			p.publish(f.Path, "/a", `{"n":1}`, "")
		}
		return false
	})
	c := connect(t, client.Options{URL: s.server.URL})
	got := make(chan client.Publication, 1)
	_, err := c.On(testContext(t), "/a", collect(got), nil)
	require.NoError(t, err)
	assert.JSONEq(t, `{"n":1}`, string(receive(t, got).Data))
}

func TestInitialDocumentsComeFirst(t *testing.T) {
	s := newStandIn(t, func(p *peer, f frame) bool {
		if f.Action == "on" {
			p.publish(f.Path, "/a/2", `{"n":2}`, "")
			p.send(fmt.Sprintf(`{"data":[{"n":0,"_meta":{"path":"/a/0"}},{"n":1,"_meta":{"path":"/a/1","modified":9}}],"_meta":{"status":"ok","referenceId":"r","eventId":%d}}`, f.EventID))
		}
		return f.Action == "on"
	})
	c := connect(t, client.Options{URL: s.server.URL})
	order := make(chan string, 10)
	sub, err := c.On(testContext(t), "/a/*", func(_ context.Context, p client.Publication) {
		order <- p.Meta.Path + string(p.Data)
	}, &client.OnOptions{InitialEmit: true, InitialCallback: func(_ context.Context, docs []client.Document) {
		order <- fmt.Sprintf("%d documents", len(docs))
	}})
	require.NoError(t, err)
	for _, want := range []string{"2 documents", `/a/0{"n":0}`, `/a/1{"n":1}`, `/a/2{"n":2}`} {
		assert.Equal(t, want, receive(t, order))
	}
	require.NoError(t, sub.Off(testContext(t)))
	assert.Equal(t, `{"referenceId":"r"}`, string(s.frames("off")[0].Options))
}

func TestCountEndsASubscription(t *testing.T) {
	s := newStandIn(t, nil)
	c := connect(t, client.Options{URL: s.server.URL})
	var calls atomic.Int32
	all := make(chan client.Publication, 10)
	_, err := c.On(testContext(t), "/a", func(context.Context, client.Publication) { calls.Add(1) }, &client.OnOptions{Count: 2})
	require.NoError(t, err)
	_, err = c.On(testContext(t), "/a", collect(all), nil)
	require.NoError(t, err)
	for range 4 {
		s.peer(0).publish("/ALL@/a", "/a", `{}`, "")
	}
	for range 4 {
		receive(t, all)
	}
	require.Eventually(t, func() bool { return len(s.frames("off")) == 1 }, patience, tick)
	assert.Equal(t, int32(2), calls.Load())
}

func TestDepthOfASubscriptionIsItsOwn(t *testing.T) {
	s := newStandIn(t, nil)
	c := connect(t, client.Options{URL: s.server.URL})
	shallow, deep := make(chan client.Publication, 10), make(chan client.Publication, 10)
	_, err := c.On(testContext(t), "/a/**", collect(shallow), &client.OnOptions{Depth: 1})
	require.NoError(t, err)
	_, err = c.On(testContext(t), "/a/**", collect(deep), &client.OnOptions{Depth: 3})
	require.NoError(t, err)
	for _, path := range []string{"/a/b/c", "/a/b", "/a/b/c/d/e", "/a/b/c/d"} {
		s.peer(0).publish("/ALL@/a/**", path, `{}`, `,"depth":1`)
	}
	assert.Equal(t, "/a/b/c", receive(t, deep).Meta.Path)
	assert.Equal(t, "/a/b", receive(t, deep).Meta.Path)
	assert.Equal(t, "/a/b/c/d", receive(t, deep).Meta.Path)
	assert.Equal(t, "/a/b", receive(t, shallow).Meta.Path)
	assert.Empty(t, shallow)
	_, err = c.On(testContext(t), "b/*/**", collect(shallow), &client.OnOptions{Depth: 1})
	require.NoError(t, err)
	for _, path := range []string{"/b/c/d/e", "/b/c/d"} {
		s.peer(0).publish("/ALL@b/*/**", path, `{}`, "")
	}
	assert.Equal(t, "/b/c/d", receive(t, shallow).Meta.Path)
}

func TestConsistency3IsAcknowledgedBeforeTheHandler(t *testing.T) {
	handled := make(chan struct{}, 1)
	s := newStandIn(t, func(p *peer, f frame) bool {
		if f.Action == "ack" {
			assert.Empty(t, handled, "the handler must wait for the ack")
			assert.Equal(t, `"pub-1"`, string(f.Data))
			assert.Empty(t, f.Path)
		}
		return false
	})
	c := connect(t, client.Options{URL: s.server.URL})
	for range 2 { // two handlers, one acknowledgement
		_, err := c.On(testContext(t), "/a", func(context.Context, client.Publication) { handled <- struct{}{} }, nil)
		require.NoError(t, err)
	}
	s.peer(0).send(`{"data":{},"_meta":{"type":"data","consistency":3,"publicationId":"pub-1","path":"/a","channel":"/ALL@/a"}}`)
	receive(t, handled)
	receive(t, handled)
	assert.Len(t, s.frames("ack"), 1)
}

func TestSlowHandlerLosesTheNewestAndIsTold(t *testing.T) {
	s := newStandIn(t, nil)
	type loss struct {
		sub *client.Subscription
		n   uint64
	}
	losses := make(chan loss, 100)
	c := connect(t, client.Options{URL: s.server.URL, Listener: client.Listener{
		PublicationsDropped: func(sub *client.Subscription, n uint64) { losses <- loss{sub, n} }}})
	entered, release := make(chan struct{}, 20), make(chan struct{})
	got := make(chan client.Publication, 100)
	slow, err := c.On(testContext(t), "/a", func(_ context.Context, p client.Publication) {
		entered <- struct{}{}
		<-release
		got <- p
	}, &client.OnOptions{QueueSize: 3})
	require.NoError(t, err)
	quick := make(chan client.Publication, 100)
	_, err = c.On(testContext(t), "/a", collect(quick), nil)
	require.NoError(t, err)
	s.peer(0).publish("/ALL@/a", "0", `{}`, "")
	receive(t, entered)
	for i := range 19 {
		s.peer(0).publish("/ALL@/a", fmt.Sprint(i+1), `{}`, "")
	}
	for i := range 20 {
		assert.Equal(t, fmt.Sprint(i), receive(t, quick).Meta.Path, "others are not held up")
	}
	close(release)
	dropped := slow.Dropped()
	require.Equal(t, uint64(16), dropped, "one in the handler, three in the queue")
	for i := range 20 - int(dropped) {
		assert.Equal(t, fmt.Sprint(i), receive(t, got).Meta.Path)
	}
	var told uint64
	for told < dropped {
		l := receive(t, losses)
		assert.Same(t, slow, l.sub)
		told += l.n
	}
	assert.Equal(t, dropped, told)
}

func TestHandlersMayUseTheClient(t *testing.T) {
	s := newStandIn(t, nil)
	c := connect(t, client.Options{URL: s.server.URL})
	done := make(chan error, 1)
	var sub *client.Subscription
	ready := make(chan struct{})
	sub, err := c.On(testContext(t), "/a", func(ctx context.Context, _ client.Publication) {
		<-ready
		_, err := c.Set(ctx, "/b", 1, nil)
		if err == nil {
			err = sub.Off(ctx)
		}
		done <- err
	}, nil)
	require.NoError(t, err)
	close(ready)
	s.peer(0).publish("/ALL@/a", "/a", `{}`, "")
	assert.NoError(t, receive(t, done))
}

func TestCloseWaitsForHandlersWhoseContextEnds(t *testing.T) {
	s := newStandIn(t, nil)
	c := connect(t, client.Options{URL: s.server.URL})
	entered := make(chan struct{})
	var left atomic.Bool
	_, err := c.On(testContext(t), "/a", func(ctx context.Context, _ client.Publication) {
		close(entered)
		<-ctx.Done()
		left.Store(true)
	}, nil)
	require.NoError(t, err)
	s.peer(0).publish("/ALL@/a", "/a", `{}`, "")
	receive(t, entered)
	require.NoError(t, c.Close())
	assert.True(t, left.Load())
}

func TestOffPathAndOffAll(t *testing.T) {
	s := newStandIn(t, nil)
	c := connect(t, client.Options{URL: s.server.URL})
	got := make(chan client.Publication, 10)
	for _, path := range []string{"/a/1", "/a/2", "/a/*", "/b"} {
		_, err := c.On(testContext(t), path, collect(got), nil)
		require.NoError(t, err)
	}
	require.NoError(t, c.OffPath(testContext(t), "/a/*"))
	var offs []string
	for _, f := range s.frames("off") {
		offs = append(offs, f.Path)
	}
	assert.ElementsMatch(t, []string{"/ALL@/a/1", "/ALL@/a/2", "/ALL@/a/*"}, offs)
	s.peer(0).publish("/ALL@/a/1", "/a/1", `{}`, "")
	s.peer(0).publish("/ALL@/b", "/b", `{}`, "")
	assert.Equal(t, "/b", receive(t, got).Meta.Path)
	require.NoError(t, c.OffAll(testContext(t)))
	s.peer(0).publish("/ALL@/b", "/b", `{}`, "")
	_, err := c.Count(testContext(t), "/after", nil)
	require.NoError(t, err)
	assert.Empty(t, got)
}

func TestRefusedSubscriptionIsAnError(t *testing.T) {
	s := newStandIn(t, func(p *peer, f frame) bool {
		if f.Action == "on" {
			p.fail(f, `{"name":"AccessDenied","code":403,"message":"unauthorized"}`)
		}
		return f.Action == "on"
	})
	c := connect(t, client.Options{URL: s.server.URL})
	_, err := c.On(testContext(t), "/a", ignore, nil)
	assert.ErrorIs(t, err, client.ErrForbidden)
}

func TestAbandonedSubscriptionIsTakenBack(t *testing.T) {
	answer := make(chan func(), 1)
	s := newStandIn(t, func(p *peer, f frame) bool {
		if f.Action == "on" {
			answer <- func() { p.ok(f, `{"id":"late"}`) }
		}
		return f.Action == "on"
	})
	c := connect(t, client.Options{URL: s.server.URL})
	ctx, cancel := context.WithCancel(testContext(t))
	failed := make(chan error, 1)
	go func() {
		_, err := c.On(ctx, "/a", ignore, nil)
		failed <- err
	}()
	late := receive(t, answer)
	cancel()
	assert.ErrorIs(t, receive(t, failed), context.Canceled)
	late()
	require.Eventually(t, func() bool { return len(s.frames("off")) == 1 }, patience, tick)
	assert.True(t, strings.Contains(s.frames("off")[0].Raw, `"referenceId":"late"`))
}

package pubsub_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/protocol"
	"github.com/happn-host/happn-host/host/pubsub"
	"github.com/happn-host/happn-host/host/session"
)

// inbox is a link that remembers what it was sent.
type inbox struct {
	mu     sync.Mutex
	frames []string
	count  int
	keep   bool
}

func (i *inbox) Send(payload []byte, _ bool) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.count++
	if i.keep {
		i.frames = append(i.frames, string(payload))
	}
	return false
}
func (i *inbox) Flush()                  {}
func (i *inbox) Close(int, string, bool) {}

func (i *inbox) take() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	taken := i.frames
	i.frames = nil
	return taken
}

type fixture struct {
	registry  *session.Registry
	publisher *pubsub.Publisher
}

func newFixture() *fixture {
	return &fixture{session.NewRegistry(), &pubsub.Publisher{Tree: pubsub.NewTree()}}
}

func (f *fixture) join() (*session.Session, *pubsub.Subscriber, *inbox) {
	box := &inbox{keep: true}
	s := f.registry.Open(box, session.Origin{})
	s.Speak(protocol.V4)
	return s, f.publisher.Tree.NewSubscriber(s, 0), box
}

func (f *fixture) publish(event pubsub.Event, path string) protocol.Outcome {
	var b session.Batch
	defer b.Flush()
	return f.publisher.Publish(&b, &pubsub.Publication{Event: event, Path: []byte(path), Data: []byte(`{"v":1}`), Meta: []byte(`"path":"x"`)})
}

func add(t testing.TB, s *pubsub.Subscriber, channel string, depth int) string {
	t.Helper()
	ref, err := s.Add(pubsub.Subscription{Channel: channel, Depth: depth})
	require.NoError(t, err)
	return ref
}

// The rules of happn-wire.md, 5.2 and 5.3.
func TestWhichSubscriptionsAnEventMatches(t *testing.T) {
	for _, c := range []struct {
		channel string
		depth   int
		event   pubsub.Event
		path    string
		want    bool
	}{
		{"/ALL@/a/b", 0, pubsub.Set, "/a/b", true},
		{"/ALL@/a/b", 0, pubsub.Remove, "/a/b", true},
		{"/SET@/a/b", 0, pubsub.Remove, "/a/b", false},
		{"/REMOVE@/a/b", 0, pubsub.Remove, "/a/b", true},
		{"/FOO@/a/b", 0, pubsub.Set, "/a/b", false},
		{"/a/b", 0, pubsub.Set, "/a/b", false},
		{"/ALL@a/b", 0, pubsub.Set, "/a/b", true},
		{"/ALL@/a/b", 0, pubsub.Set, "a/b", true},
		{"/ALL@/a/*", 0, pubsub.Set, "/a/b", true},
		{"/ALL@/a/*", 0, pubsub.Set, "/a/", true},
		{"/ALL@/a/*", 0, pubsub.Set, "/a", false},
		{"/ALL@/a/*", 0, pubsub.Set, "/a/b/c", false},
		{"/ALL@/*/b", 0, pubsub.Set, "/a/b", true},
		{"/ALL@/a/par*", 0, pubsub.Set, "/a/partial", false},
		{"/ALL@/a/par*", 0, pubsub.Remove, "/a/par*", true},
		{"/ALL@/t/*", 0, pubsub.Remove, "/t/*", true},
		{"/ALL@/*/*", 0, pubsub.Remove, "/t/*", true},
		{"/ALL@/t/1", 0, pubsub.Remove, "/t/*", false},
		{"/ALL@/ts/", 0, pubsub.Set, "/ts", false},
		{"/ALL@/ts/", 0, pubsub.Set, "/ts/", true},
		{"/ALL@*", 0, pubsub.Set, "/any/thing/at/all", true},
		{"/SET@*", 0, pubsub.Remove, "/any", false},
		{"/ALL@/a/**", 2, pubsub.Set, "/a", false},
		{"/ALL@/a/**", 2, pubsub.Set, "/a/b", true},
		{"/ALL@/a/**", 2, pubsub.Set, "/a/b/c", true},
		{"/ALL@/a/**", 2, pubsub.Set, "/a/b/c/d", false},
		{"/ALL@**", 2, pubsub.Set, "/a/b", true},
		{"/ALL@/**", 2, pubsub.Set, "/a/b/c", false},
		{"/ALL@/a/*/**", 1, pubsub.Set, "/a/b/c", true},
		{"/ALL@/a/*/**", 1, pubsub.Set, "/a/b", false},
		{"/ALL@/A/b", 0, pubsub.Set, "/a/b", false},
		{"/ALL@/a@b/c@d", 0, pubsub.Set, "/a@b/c@d", true},
	} {
		t.Run(fmt.Sprintf("%s sees %d of %s: %v", c.channel, c.event, c.path, c.want), func(t *testing.T) {
			f := newFixture()
			_, sub, box := f.join()
			add(t, sub, c.channel, c.depth)
			f.publish(c.event, c.path)
			frames := box.take()
			if !c.want {
				assert.Empty(t, frames)
				return
			}
			require.Len(t, frames, 1)
			assert.Contains(t, frames[0], `"channel":"`+c.channel+`"`)
		})
	}
}

func TestOneFrameForEachSessionAndChannel(t *testing.T) {
	f := newFixture()
	_, sub, box := f.join()
	add(t, sub, "/ALL@/a/b", 0)
	add(t, sub, "/ALL@/a/b", 0)
	add(t, sub, "/SET@/a/b", 0)
	add(t, sub, "/ALL@a/b", 0)
	assert.Equal(t, 3, f.publish(pubsub.Set, "/a/b").Queued)
	assert.Len(t, box.take(), 3)
}

func TestTheSmallestDepthThatMatchesIsSent(t *testing.T) {
	f := newFixture()
	_, sub, box := f.join()
	add(t, sub, "/ALL@/a/**", 4)
	add(t, sub, "/ALL@/a/**", 2)
	f.publish(pubsub.Set, "/a/1/2")
	assert.Contains(t, strings.Join(box.take(), ""), `"depth":2`)
	f.publish(pubsub.Set, "/a/1/2/3")
	assert.Contains(t, strings.Join(box.take(), ""), `"depth":4`)
}

func TestMergeSubscribersGetDataAsSent(t *testing.T) {
	f := newFixture()
	_, sub, box := f.join()
	_, other, otherBox := f.join()
	_, err := sub.Add(pubsub.Subscription{Channel: "/ALL@/m", Merge: true})
	require.NoError(t, err)
	add(t, other, "/ALL@/m", 0)
	var b session.Batch
	f.publisher.Publish(&b, &pubsub.Publication{
		Event: pubsub.Set, Path: []byte("/m"), Data: []byte(`{"a":1,"b":2}`), Sent: []byte(`{"b":2}`), Meta: []byte(`"path":"/m"`),
	})
	assert.Contains(t, box.take()[0], `{"data":{"b":2},`)
	assert.Contains(t, otherBox.take()[0], `{"data":{"a":1,"b":2},`)
}

func TestTargetsAndClusterNodes(t *testing.T) {
	f := newFixture()
	one, sub, box := f.join()
	two, other, otherBox := f.join()
	add(t, sub, "/ALL@/x", 0)
	add(t, other, "/ALL@/x", 0)
	two.Login([]byte(`{"clusterName":"c"}`))
	send := func(p pubsub.Publication) (int, int) {
		var b session.Batch
		p.Event, p.Path, p.Data, p.Meta = pubsub.Set, []byte("/x"), []byte(`{}`), []byte(`"a":1`)
		f.publisher.Publish(&b, &p)
		return len(box.take()), len(otherBox.take())
	}
	a, c := send(pubsub.Publication{HasTargets: true, Targets: []string{one.ID}})
	assert.Equal(t, []int{1, 0}, []int{a, c})
	a, c = send(pubsub.Publication{HasTargets: true})
	assert.Equal(t, []int{0, 0}, []int{a, c})
	a, c = send(pubsub.Publication{NoCluster: true})
	assert.Equal(t, []int{1, 0}, []int{a, c})
}

func TestSubscriptionsEndOneByOneAndTogether(t *testing.T) {
	f := newFixture()
	_, sub, box := f.join()
	first := add(t, sub, "/ALL@/a/**", 7)
	add(t, sub, "/ALL@/a/**", 2)
	add(t, sub, "/ALL@/b", 0)
	gone := sub.Remove("/ALL@/a/**", func(s pubsub.Subscription) bool { return s.Reference == first })
	require.Len(t, gone, 1)
	assert.Equal(t, 7, gone[0].Depth)
	f.publish(pubsub.Set, "/a/1/2/3")
	assert.Empty(t, box.take(), "a deep subscription is gone in all its depths")
	f.publish(pubsub.Set, "/a/1")
	assert.Len(t, box.take(), 1)
	add(t, sub, "/ALL@c", 0)
	add(t, sub, "/ALL@/*", 0)
	assert.Len(t, sub.Remove("/ALL@/c", func(pubsub.Subscription) bool { return true }), 1)
	assert.Empty(t, sub.Remove("/ALL@*", func(pubsub.Subscription) bool { return true }), "* is not /*")
	assert.Len(t, sub.RemoveAll(), 3)
	assert.Zero(t, f.publisher.Tree.Count())
	f.publish(pubsub.Set, "/b")
	assert.Empty(t, box.take())
}

func TestLimitOfSubscriptions(t *testing.T) {
	f := newFixture()
	s := f.registry.Open(&inbox{}, session.Origin{})
	sub := f.publisher.Tree.NewSubscriber(s, 1)
	add(t, sub, "/ALL@/a", 0)
	_, err := sub.Add(pubsub.Subscription{Channel: "/ALL@/b"})
	assert.ErrorIs(t, err, pubsub.ErrTooMany)
	sub.RemoveAll()
	add(t, sub, "/ALL@/b", 0)
}

// A naive model says who should get what, after any history of subscriptions.
func TestRandomHistoriesAgreeWithAModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	segments := []string{"a", "b", "*", "", "c*"}
	path := func(wild bool) string {
		n := 1 + r.IntN(4)
		parts := make([]string, n)
		for i := range parts {
			parts[i] = segments[r.IntN(len(segments))]
			if !wild && strings.Contains(parts[i], "*") {
				parts[i] = "a"
			}
		}
		return "/" + strings.Join(parts, "/")
	}
	f := newFixture()
	type client struct {
		sub  *pubsub.Subscriber
		box  *inbox
		subs map[string]int // channel to depth
	}
	clients := make([]*client, 5)
	for i := range clients {
		_, sub, box := f.join()
		clients[i] = &client{sub, box, map[string]int{}}
	}
	events := []string{"ALL", "SET", "REMOVE"}
	for step := range 3000 {
		c := clients[r.IntN(len(clients))]
		switch r.IntN(4) {
		case 0:
			p := path(true)
			depth := 0
			if r.IntN(3) == 0 {
				p, depth = p+"/**", 1+r.IntN(3)
			}
			channel := "/" + events[r.IntN(3)] + "@" + p
			if _, ok := c.subs[channel]; ok {
				continue
			}
			c.subs[channel] = depth
			add(t, c.sub, channel, depth)
		case 1:
			for channel := range c.subs {
				require.Len(t, c.sub.Remove(channel, func(pubsub.Subscription) bool { return true }), 1)
				delete(c.subs, channel)
				break
			}
		default:
			event, p := pubsub.Set, path(false)
			if r.IntN(2) == 0 {
				event, p = pubsub.Remove, path(true)
			}
			f.publish(event, p)
			for i, c := range clients {
				want := 0
				for channel, depth := range c.subs {
					if modelMatches(channel, depth, event, p) {
						want++
					}
				}
				require.Len(t, c.box.take(), want, "step %d client %d event %d on %s", step, i, event, p)
			}
		}
	}
}

func modelMatches(channel string, depth int, event pubsub.Event, path string) bool {
	of, pattern := pubsub.SplitChannel(channel)
	if of != pubsub.Any && of != event {
		return false
	}
	pat, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	if depth > 0 {
		pat = pat[:len(pat)-1]
		if below := len(got) - len(pat); below < 1 || below > depth {
			return false
		}
		got = got[:len(pat)]
	}
	if len(pat) != len(got) {
		return false
	}
	for i := range pat {
		if pat[i] != "*" && pat[i] != got[i] {
			return false
		}
	}
	return true
}

func TestSubscribingWhilePublishing(t *testing.T) {
	f := newFixture()
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for i := range 4 {
		s := f.registry.Open(&inbox{}, session.Origin{})
		sub := f.publisher.Tree.NewSubscriber(s, 0)
		wg.Add(1)
		go func() {
			defer wg.Done()
			for n := 0; ; n++ {
				select {
				case <-stop:
					sub.End()
					return
				default:
				}
				channel := fmt.Sprintf("/ALL@/hammer/%d/*/%d", i, n%50)
				_, _ = sub.Add(pubsub.Subscription{Channel: channel})
				_, _ = sub.Add(pubsub.Subscription{Channel: "/ALL@/hammer/**", Depth: 5})
				if n%7 == 0 {
					sub.RemoveAll()
				}
			}
		}()
	}
	for n := range 5000 {
		f.publish(pubsub.Set, fmt.Sprintf("/hammer/%d/x/%d", n%4, n%50))
	}
	close(stop)
	wg.Wait()
	assert.Zero(t, f.publisher.Tree.Count())
	assert.Zero(t, f.publish(pubsub.Set, "/hammer/1/x/1").Queued)
}

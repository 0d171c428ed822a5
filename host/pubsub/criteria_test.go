package pubsub_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/protocol"
	"github.com/happn-host/happn-host/host/pubsub"
	"github.com/happn-host/happn-host/host/session"
)

// judge is satisfied with the filters that are in it, and counts its calls.
type judge struct {
	yes   map[string]bool
	calls map[string]int
}

func newJudge(yes ...string) *judge {
	j := &judge{yes: map[string]bool{}, calls: map[string]int{}}
	for _, f := range yes {
		j.yes[f] = true
	}
	return j
}

func (j *judge) Satisfies(f pubsub.Filter) bool {
	j.calls[f.(string)]++
	return j.yes[f.(string)]
}

func subscribe(t testing.TB, s *pubsub.Subscriber, channel, criteria string) string {
	t.Helper()
	ref, err := s.Add(pubsub.Subscription{Channel: channel, Criteria: criteria, Filter: criteria})
	require.NoError(t, err)
	return ref
}

func (f *fixture) publishJudged(path string, j pubsub.Judge) protocol.Outcome {
	var b session.Batch
	defer b.Flush()
	return f.publisher.Publish(&b, &pubsub.Publication{
		Event: pubsub.Set, Path: []byte(path), Data: []byte(`{}`), Meta: []byte(`"path":"x"`), Judge: j,
	})
}

func TestEachCriterionIsJudgedOnce(t *testing.T) {
	f := newFixture()
	for i := range 50 {
		_, s, _ := f.join()
		subscribe(t, s, "/ALL@/a/*", []string{"yes", "no"}[i%2])
		subscribe(t, s, "/SET@/a/b", []string{"no", "other"}[i%2])
		subscribe(t, s, "/ALL@/elsewhere", "never")
	}
	for range 3 { // what is known of one publication is forgotten for the next
		j := newJudge("yes", "other")
		assert.Equal(t, 50, f.publishJudged("/a/b", j).Queued)
		assert.Equal(t, map[string]int{"yes": 1, "no": 1, "other": 1}, j.calls)
	}
	assert.Zero(t, f.publishJudged("/a/b", newJudge()).Queued)
}

func TestTheNextPublicationIsJudgedAnew(t *testing.T) {
	f := newFixture()
	_, s, box := f.join()
	subscribe(t, s, "/ALL@/a", "x")
	for _, yes := range []bool{true, false, false, true, true} {
		j := newJudge()
		j.yes["x"] = yes
		f.publishJudged("/a", j)
		assert.Equal(t, yes, len(box.take()) == 1)
	}
}

func TestOneFrameForAllSubscriptionsWhoseCriteriaAreSatisfied(t *testing.T) {
	f := newFixture()
	_, s, box := f.join()
	subscribe(t, s, "/ALL@/a", "one")
	subscribe(t, s, "/ALL@/a", "two")
	for _, c := range []struct {
		yes  []string
		want int
	}{{nil, 0}, {[]string{"one"}, 1}, {[]string{"two"}, 1}, {[]string{"one", "two"}, 1}} {
		f.publishJudged("/a", newJudge(c.yes...))
		assert.Len(t, box.take(), c.want, c.yes)
	}
	subscribe(t, s, "/ALL@/a", "")
	f.publishJudged("/a", newJudge())
	assert.Len(t, box.take(), 1, "a subscription without criteria gets everything")
}

func TestCriteriaEndWithTheirLastSubscription(t *testing.T) {
	f := newFixture()
	_, a, _ := f.join()
	_, b, _ := f.join()
	first := subscribe(t, a, "/ALL@/a", "x")
	subscribe(t, a, "/ALL@/b", "x")
	subscribe(t, b, "/ALL@/a", "y")
	assert.Equal(t, 2, f.publisher.Tree.Criteria())
	gone := a.Remove("/ALL@/a", func(s pubsub.Subscription) bool { return s.Reference == first })
	require.Len(t, gone, 1)
	assert.Equal(t, "x", gone[0].Criteria)
	assert.Equal(t, 2, f.publisher.Tree.Criteria())
	a.RemoveAll()
	assert.Equal(t, 1, f.publisher.Tree.Criteria())
	b.End()
	assert.Zero(t, f.publisher.Tree.Criteria())
}

func TestCriteriaComeAndGoWhileOthersPublish(t *testing.T) {
	f := newFixture()
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Add(2)
		go func() {
			defer wg.Done()
			s := f.publisher.Tree.NewSubscriber(f.registry.Open(&inbox{}, session.Origin{}), 0)
			for n := range 300 {
				_, _ = s.Add(pubsub.Subscription{Channel: "/ALL@/a/*", Criteria: fmt.Sprint(n % 5), Filter: fmt.Sprint(n % 5)})
				if n%7 == i {
					s.RemoveAll()
				}
			}
			s.End()
		}()
		go func() {
			defer wg.Done()
			for range 300 {
				f.publishJudged("/a/b", newJudge("1", "3"))
			}
		}()
	}
	wg.Wait()
	assert.Zero(t, f.publisher.Tree.Criteria())
}

func BenchmarkCriteria(b *testing.B) {
	for _, distinct := range []int{1, 10, 1000} {
		b.Run(fmt.Sprintf("1000subscribers/%ddistinct", distinct), func(b *testing.B) {
			f := newFixture()
			for i := range 1000 {
				s := f.registry.Open(&inbox{}, session.Origin{})
				subscribe(b, f.publisher.Tree.NewSubscriber(s, 0), "/ALL@/news/*", fmt.Sprint(i%distinct))
			}
			var batch session.Batch
			pub := pubsub.Publication{Event: pubsub.Set, Path: []byte("/news/today"), Data: []byte(`{}`), Judge: nobody{}}
			b.ReportAllocs()
			for b.Loop() {
				f.publisher.Publish(&batch, &pub)
			}
		})
	}
}

type nobody struct{}

func (nobody) Satisfies(pubsub.Filter) bool { return false }

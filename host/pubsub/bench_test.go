package pubsub_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/happn-host/happn-host/host/protocol"
	"github.com/happn-host/happn-host/host/pubsub"
	"github.com/happn-host/happn-host/host/session"
)

// A publication under many subscriptions that do not match it, and one that
// does.
func BenchmarkPublishUnderManySubscriptions(b *testing.B) {
	for _, kind := range []string{"exact", "wildcard", "deep"} {
		for _, n := range []int{100, 100_000} {
			b.Run(fmt.Sprintf("%s/%d", kind, n), func(b *testing.B) {
				f := newFixture()
				for i := range n {
					s := f.registry.Open(&inbox{}, session.Origin{})
					sub := f.publisher.Tree.NewSubscriber(s, 0)
					channel := fmt.Sprintf("/ALL@/site/%d/sensor/%d", i%100, i)
					depth := 0
					switch kind {
					case "wildcard":
						channel = fmt.Sprintf("/ALL@/site/*/sensor/%d", i)
					case "deep":
						channel, depth = fmt.Sprintf("/ALL@/site/%d/**", i), 5
					}
					add(b, sub, channel, depth)
				}
				benchmarkPublish(b, f, "/site/7/sensor/7", 1)
			})
		}
	}
}

func BenchmarkFanOut(b *testing.B) {
	for _, n := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f := newFixture()
			for range n {
				s := f.registry.Open(&inbox{}, session.Origin{})
				s.Speak(protocol.V4)
				add(b, f.publisher.Tree.NewSubscriber(s, 0), "/ALL@/news/*", 0)
			}
			benchmarkPublish(b, f, "/news/today", n)
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/delivery")
		})
	}
}

func benchmarkPublish(b *testing.B, f *fixture, path string, want int) {
	var batch session.Batch
	pub := pubsub.Publication{
		Event: pubsub.Set, Path: []byte(path), Data: []byte(`{"v":"` + strings.Repeat("x", 280) + `"}`), Meta: []byte(`"path":"/p"`),
	}
	b.ReportAllocs()
	for b.Loop() {
		if got := f.publisher.Publish(&batch, &pub).Queued; got != want {
			b.Fatalf("delivered %d, want %d", got, want)
		}
	}
}

func BenchmarkSubscribe(b *testing.B) {
	f := newFixture()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s := f.registry.Open(&inbox{}, session.Origin{})
		add(b, f.publisher.Tree.NewSubscriber(s, 0), fmt.Sprintf("/ALL@/site/%d/sensor/%d", i%100, i), 0)
	}
}

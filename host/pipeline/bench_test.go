package pipeline_test

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore/memory"
	"github.com/happn-host/happn-host/host/pipeline"
	"github.com/happn-host/happn-host/host/pubsub"
	"github.com/happn-host/happn-host/host/session"
)

// drain is a link that counts frames and lets a benchmark wait for them.
type drain struct {
	mu    sync.Mutex
	count int
	want  int
	done  chan struct{}
}

func (d *drain) Send([]byte, bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.count++
	if d.count == d.want {
		close(d.done)
	}
	return false
}
func (d *drain) Flush()                  {}
func (d *drain) Gone() bool              { return false }
func (d *drain) Close(int, string, bool) {}

func newPipeline(tb testing.TB, durability memory.Durability) *pipeline.Pipeline {
	tb.Helper()
	return pipelineWith(tb, durability, nil)
}

// pipelineWith is newPipeline with options that change may set.
func pipelineWith(tb testing.TB, durability memory.Durability, change func(*pipeline.Options)) *pipeline.Pipeline {
	tb.Helper()
	o := memory.Options{Durability: durability}
	if durability != memory.DurabilityNone {
		o.Dir = tb.TempDir()
	}
	store, err := memory.Open(o)
	require.NoError(tb, err)
	options := pipeline.Options{
		Store: store, Sessions: session.NewRegistry(), Publisher: &pubsub.Publisher{Tree: pubsub.NewTree()},
		Acks: pubsub.NewAcks(time.Minute), Server: session.Server{Name: "bench"}, Logger: slog.New(slog.DiscardHandler), Completers: 2,
	}
	if change != nil {
		change(&options)
	}
	p := pipeline.New(options)
	tb.Cleanup(func() {
		_ = store.Close()
		p.Close()
	})
	return p
}

const configure = `{"action":"configure-session","eventId":1,"data":{"protocol":"happn_4","version":"1","browser":false}}`

func benchDocument() string { return `{"v":"` + strings.Repeat("x", 290) + `"}` }

func BenchmarkRequest(b *testing.B) {
	p := newPipeline(b, memory.DurabilityNone)
	peer := p.Open(&drain{}, session.Origin{}, false)
	defer peer.Closed(nil)
	for i := range 10_000 {
		require.NoError(b, peer.Frame([]byte(fmt.Sprintf(`{"action":"set","path":"/docs/%d/%d","data":%s,"eventId":1}`, i/20, i%20, benchDocument()))))
	}
	const tail = `,"eventId":123456,"sessionId":"d8221973-bacc-4597-bb45-706a0fb73d4b","options":{"timeout":60000}}`
	for name, frame := range map[string]string{
		"get":     `{"action":"get","path":"/docs/1/2","data":null` + tail,
		"set":     `{"action":"set","path":"/docs/1/2","data":` + benchDocument() + tail,
		"get-20":  `{"action":"get","path":"/docs/7/*","data":null` + tail,
		"publish": `{"action":"set","path":"/docs/1/2","data":` + benchDocument() + `,"eventId":123456,"options":{"noStore":true,"noDataResponse":true,"timeout":60000}}`,
	} {
		b.Run(name, func(b *testing.B) {
			text := []byte(frame)
			b.ReportAllocs()
			for b.Loop() {
				_ = peer.Frame(text)
			}
		})
	}
}

// Writes that are on disk before they are answered, with 64 connections at once.
func BenchmarkDurableSets(b *testing.B) {
	p := newPipeline(b, memory.DurabilitySync)
	const peers = 64
	b.ReportAllocs()
	d := &drain{want: b.N, done: make(chan struct{})}
	var all []*pipeline.Peer
	for range peers {
		all = append(all, p.Open(d, session.Origin{}, false))
	}
	b.ResetTimer()
	gate := make(chan struct{}, peers)
	for i := range peers {
		gate <- struct{}{}
		_ = i
	}
	for i := range b.N {
		_ = all[i%peers].Frame([]byte(fmt.Sprintf(`{"action":"set","path":"/d/%d","data":%s,"eventId":1}`, i%50_000, benchDocument())))
	}
	<-d.done
	b.StopTimer()
	for _, peer := range all {
		peer.Closed(nil)
	}
}

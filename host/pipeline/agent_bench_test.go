package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/datastore/memory"
	"github.com/happn-host/happn-host/host/pipeline"
	"github.com/happn-host/happn-host/host/session"
)

// everything are rights that cost nothing to ask.
type everything struct{}

func (everything) MayAsk(abi.Action, []byte) bool { return true }
func (everything) Picks(abi.Action, []byte) bool  { return false }

func BenchmarkAgent(b *testing.B) {
	p := newPipeline(b, memory.DurabilityNone)
	a := p.OpenAgent(pipeline.AgentOptions{Name: "plugin:bench", Rights: everything{}})
	defer a.Close()
	ctx := context.Background()
	for i := range 10_000 {
		require.NoError(b, a.Set(ctx, fmt.Appendf(nil, "/docs/%d/%d", i/20, i%20), []byte(benchDocument()), []byte(`{"noPublish":true}`)))
	}
	path, pattern, data := []byte("/docs/1/2"), []byte("/docs/7/*"), []byte(benchDocument())
	for name, call := range map[string]func() error{
		"get":     func() error { _, err := a.Get(ctx, path, nil); return err },
		"find-20": func() error { return a.Find(ctx, pattern, nil, func(*pipeline.Item) bool { return true }) },
		"count":   func() error { _, err := a.Count(ctx, pattern, nil); return err },
		"set":     func() error { return a.Set(ctx, path, data, nil) },
		"publish": func() error { return a.Set(ctx, path, data, []byte(`{"noStore":true}`)) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				err := call()
				for errors.Is(err, pipeline.ErrLimit) { // publishing is behind
					runtime.Gosched()
					err = call()
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What a publication to one agent costs, from the set of another one on.
func BenchmarkAgentDelivery(b *testing.B) {
	p := newPipeline(b, memory.DurabilityNone)
	got := make(chan struct{}, 1)
	listener := p.OpenAgent(pipeline.AgentOptions{Name: "plugin:listener", Rights: everything{}, Deliver: func(*abi.Record) { got <- struct{}{} }})
	defer listener.Close()
	_, err := listener.On("/ALL@/docs/*", nil)
	require.NoError(b, err)
	a := p.OpenAgent(pipeline.AgentOptions{Name: "plugin:bench", Rights: everything{}})
	defer a.Close()
	path, data := []byte("/docs/1"), []byte(benchDocument())
	b.ReportAllocs()
	for b.Loop() {
		if err := a.Set(context.Background(), path, data, nil); err != nil {
			b.Fatal(err)
		}
		<-got
	}
}

// nowhere is a link of records that nobody reads.
type nowhere struct{}

func (nowhere) Record(*abi.Record) {}
func (nowhere) Close(string)       {}

// The same requests as those of BenchmarkRequest, by records.
func BenchmarkRecordPeer(b *testing.B) {
	p := newPipeline(b, memory.DurabilityNone)
	peer := p.OpenRecords(nowhere{}, session.Origin{})
	defer peer.Closed()
	ctx := context.Background()
	for i := range 10_000 {
		require.NoError(b, peer.Do(ctx, request(abi.ActionSet, fmt.Sprintf("/docs/%d/%d", i/20, i%20), benchDocument(), "")))
	}
	for name, rec := range map[string]*abi.Record{
		"get":     request(abi.ActionGet, "/docs/1/2", "", ""),
		"set":     request(abi.ActionSet, "/docs/1/2", benchDocument(), ""),
		"get-20":  request(abi.ActionGet, "/docs/7/*", "", ""),
		"publish": request(abi.ActionSet, "/docs/1/2", benchDocument(), `{"noStore":true,"noDataResponse":true}`),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := peer.Do(ctx, rec); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

package pipeline_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/memory"
	"github.com/happn-host/happn-host/host/pipeline"
)

func errorsIs(err, target error) bool { return errors.Is(err, target) }

// hook is a layer, and all layers there are. nil functions let pass.
type hook struct {
	request  func(*abi.Record) abi.Verdict
	outbound func(context.Context, *abi.Record) abi.Verdict
	seen     func(context.Context, *abi.Record)
}

func (h *hook) Name() string                              { return "hook" }
func (h *hook) Handles(abi.Kind, abi.Action, []byte) bool { return true }
func (h *hook) Recipient() bool                           { return false }
func (h *hook) Inbound() []pipeline.Layer                 { return []pipeline.Layer{h} }
func (h *hook) Outbound() []pipeline.Layer                { return []pipeline.Layer{h} }
func (h *hook) Call(ctx context.Context, rec *abi.Record) (abi.Verdict, error) {
	if h.seen != nil {
		h.seen(ctx, rec)
	}
	switch {
	case rec.Kind == abi.KindRequest && h.request != nil:
		return h.request(rec), nil
	case rec.Kind != abi.KindRequest && h.outbound != nil:
		return h.outbound(ctx, rec), nil
	}
	return abi.VerdictPass, nil
}

// A plugin has one instance, whose hook is called by the only goroutine that
// publishes, and writes from there. Its own writes are published through the
// same hook.
func TestAnAgentWritesFromInsideOfALayersCall(t *testing.T) {
	for _, durability := range []memory.Durability{memory.DurabilityNone, memory.DurabilitySync} {
		t.Run(string(durability), func(t *testing.T) {
			var instance sync.Mutex // one call at a time, as of a guest
			var agent *pipeline.Agent
			h := &hook{outbound: func(_ context.Context, rec *abi.Record) abi.Verdict {
				instance.Lock()
				defer instance.Unlock()
				if rec.Kind == abi.KindPublication && string(rec.Path) == "/a/from" {
					for _, options := range []string{``, `{"noStore":true}`, `{"merge":true}`} {
						assert.NoError(t, agent.Set(context.Background(), []byte("/a/to"), []byte(`{}`), []byte(options)))
					}
					_, err := agent.Remove(context.Background(), []byte("/a/none"), nil)
					assert.NoError(t, err)
				}
				return abi.VerdictPass
			}}
			p := pipelineWith(t, durability, func(o *pipeline.Options) { o.Layers, o.Completers = h, 1 })
			agent = openAgent(t, p, pipeline.AgentOptions{Rights: onA()})
			k := subscribed(t, p)
			outer := openAgent(t, p, pipeline.AgentOptions{Rights: onA()})
			require.NoError(t, outer.Set(t.Context(), []byte("/a/from"), []byte(`{}`), nil)) // published by the completer
			client := connect(t, p, false)
			requireStatus(t, "ok", client.ask(`{"action":"set","eventId":4,"path":"/a/from","data":{}}`))
			got := map[any]int{}
			for range 10 {
				got[field(k.wire.take(t), "_meta", "path")]++
			}
			assert.Equal(t, map[any]int{"/a/from": 2, "/a/to": 6, "/a/none": 2}, got)
		})
	}
}

type chain struct{}

func TestLayersAreGivenTheContextOfTheCaller(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]any{}
	published := make(chan error, 10)
	h := &hook{seen: func(ctx context.Context, rec *abi.Record) {
		mu.Lock()
		defer mu.Unlock()
		seen[rec.Kind.String()+" "+string(rec.Path)] = ctx.Value(chain{})
		if rec.Kind == abi.KindPublication {
			published <- ctx.Err()
		}
	}}
	p := pipelineWith(t, memory.DurabilityNone, func(o *pipeline.Options) { o.Layers = h })
	k := subscribed(t, p)
	a := openAgent(t, p, pipeline.AgentOptions{Rights: onA()})
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), chain{}, "plugin a"))
	require.NoError(t, a.Set(ctx, []byte("/a/1"), []byte(`{}`), nil))
	cancel() // the call is over; its publication goes on
	require.NoError(t, <-published)
	k.wire.take(t)
	requireStatus(t, "ok", connect(t, p, false).ask(`{"action":"set","eventId":4,"path":"/a/2","data":{}}`))
	require.NoError(t, <-published)
	mu.Lock()
	defer mu.Unlock()
	assert.Equal(t, "plugin a", seen["request /a/1"])
	assert.Equal(t, "plugin a", seen["publication /a/1"])
	assert.NotContains(t, seen, "response /a/1", "an agent gets no answers")
	for _, kind := range []string{"request", "publication", "response"} {
		assert.Contains(t, seen, kind+" /a/2")
		assert.Nil(t, seen[kind+" /a/2"])
	}
}

func TestALayerMayChangeWhatAnAgentWrites(t *testing.T) {
	h := &hook{request: func(rec *abi.Record) abi.Verdict {
		rec.Path, rec.Data = []byte("/b/1"), []byte(`{"changed":true}`)
		return abi.VerdictPatch
	}}
	p := pipelineWith(t, memory.DurabilityNone, func(o *pipeline.Options) { o.Layers = h })
	a := openAgent(t, p, pipeline.AgentOptions{Rights: onA()})
	require.ErrorIs(t, a.Set(t.Context(), []byte("/a/1"), []byte(`{}`), nil), pipeline.ErrDenied, "the new path is decided about")
	b := openAgent(t, p, pipeline.AgentOptions{Rights: grants{abi.ActionSet: {"/b/"}}})
	require.NoError(t, b.Set(t.Context(), []byte("/a/1"), []byte(`{}`), nil))
	doc, err := p.Store.Get(t.Context(), []byte("/b/1"))
	require.NoError(t, err)
	assert.Equal(t, `{"changed":true}`, string(doc.Data))
}

func TestAnAgentThatIsNotPublishedIsStopped(t *testing.T) {
	stuck, begun := make(chan struct{}), make(chan struct{})
	var once sync.Once
	h := &hook{outbound: func(context.Context, *abi.Record) abi.Verdict {
		once.Do(func() { close(begun) })
		<-stuck
		return abi.VerdictPass
	}}
	p := pipelineWith(t, memory.DurabilityNone, func(o *pipeline.Options) { o.Layers = h })
	in := newInbox()
	_, err := openAgent(t, p, pipeline.AgentOptions{Rights: onA(), Deliver: in.Record}).On("/ALL@/a/*", nil)
	require.NoError(t, err)
	a := openAgent(t, p, pipeline.AgentOptions{Rights: onA()})
	n := 0
	for ; err == nil; n++ {
		err = a.Set(t.Context(), []byte("/a/1"), []byte(`{}`), []byte(`{"noStore":true}`))
	}
	require.ErrorIs(t, err, pipeline.ErrLimit)
	<-begun
	close(stuck)
	for range n - 1 {
		in.take(t)
	}
	require.NoError(t, a.Set(t.Context(), []byte("/a/1"), []byte(`{}`), nil))
}

// held is a store that answers writes when it is told to.
type held struct {
	datastore.Store
	release chan struct{}
	waiting sync.WaitGroup
	asked   atomic.Int32
	timed   atomic.Int32 // of those, with a deadline
}

func (h *held) Write(ctx context.Context, w *datastore.Write, done datastore.Written) {
	h.asked.Add(1)
	if _, has := ctx.Deadline(); has {
		h.timed.Add(1)
	}
	own := *w
	own.Path, own.Data = append([]byte(nil), w.Path...), append([]byte(nil), w.Data...)
	h.waiting.Go(func() {
		<-h.release
		h.Store.Write(context.WithoutCancel(ctx), &own, done)
	})
}

func TestAnAgentWaitsForTheStoreAsLongAsItsContextAllows(t *testing.T) {
	slow := &held{release: make(chan struct{})}
	p := pipelineWith(t, memory.DurabilityNone, func(o *pipeline.Options) { slow.Store, o.Store = o.Store, slow })
	k := subscribed(t, p)
	a := openAgent(t, p, pipeline.AgentOptions{Rights: onA()})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	err := a.Set(ctx, []byte("/a/none"), []byte(`{}`), []byte(`{"upsertType":1}`)) // will fail, but not in time
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, pipeline.ErrStore)
	assert.EqualValues(t, 1, slow.timed.Load())
	require.NoError(t, a.StartSet(ctx, []byte("/a/1"), []byte(`{"n":2}`), nil), "the end of its context is the end of nothing")
	assert.EqualValues(t, 1, slow.timed.Load())
	answered := make(chan error)
	go func() { answered <- a.Set(t.Context(), []byte("/a/1"), []byte(`{"n":3}`), nil) }()
	for slow.asked.Load() < 3 {
		time.Sleep(time.Millisecond)
	}
	select {
	case <-answered:
		require.Fail(t, "it was answered before the store was")
	default:
	}
	k.wire.none(t)
	close(slow.release)
	require.NoError(t, <-answered, "the answer is its own")
	for n := range 2 {
		assert.EqualValues(t, n+2, field(k.wire.take(t), "data", "n"))
	}
	slow.waiting.Wait()
}

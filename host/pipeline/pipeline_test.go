package pipeline_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/happn-host/happn-host/datastore/memory"
	"github.com/happn-host/happn-host/host/pipeline"
	"github.com/happn-host/happn-host/host/session"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wire is a link whose frames a test takes one by one.
type wire struct {
	mu     sync.Mutex
	frames []string
	ready  chan struct{}
	closed string
}

func newWire() *wire { return &wire{ready: make(chan struct{}, 1)} }

func (l *wire) Send(payload []byte, _ bool) bool {
	l.mu.Lock()
	l.frames = append(l.frames, string(payload))
	l.mu.Unlock()
	return true
}

func (l *wire) Flush() {
	select {
	case l.ready <- struct{}{}:
	default:
	}
}

func (l *wire) Close(_ int, reason string, _ bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = reason
}

func (l *wire) take(t testing.TB) map[string]any {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		l.mu.Lock()
		if len(l.frames) > 0 {
			text := l.frames[0]
			l.frames = l.frames[1:]
			l.mu.Unlock()
			var frame map[string]any
			if text[0] == '[' {
				var list []any
				require.NoError(t, json.Unmarshal([]byte(text), &list))
				return map[string]any{"list": list}
			}
			require.NoError(t, json.Unmarshal([]byte(text), &frame), text)
			return frame
		}
		l.mu.Unlock()
		select {
		case <-l.ready:
		case <-deadline:
			require.FailNow(t, "no frame arrived")
		}
	}
}

// drain returns what has arrived, without waiting.
func (l *wire) drain() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.frames
	l.frames = nil
	return all
}

func (l *wire) none(t testing.TB) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	assert.Empty(t, l.frames)
}

type talker struct {
	t    testing.TB
	peer *pipeline.Peer
	wire *wire
}

func connect(t testing.TB, p *pipeline.Pipeline, plain bool) *talker {
	w := newWire()
	k := &talker{t, p.Open(w, session.Origin{IP: "127.0.0.1"}, plain), w}
	if !plain {
		k.ask(configure)
	}
	t.Cleanup(func() { k.peer.Closed(nil) })
	return k
}

func (k *talker) say(text string) {
	_ = k.peer.Frame([]byte(text))
	k.peer.Idle()
}

func (k *talker) ask(text string) map[string]any {
	k.t.Helper()
	k.say(text)
	return k.wire.take(k.t)
}

func field(frame map[string]any, names ...string) any {
	var at any = frame
	for _, n := range names {
		m, _ := at.(map[string]any)
		at = m[n]
	}
	return at
}

// Answers and publications of one connection's writes come in the order of the
// writes, whether they are stored, only published, or fail.
func TestWritesAreAnsweredAndPublishedInOrder(t *testing.T) {
	for _, durability := range []memory.Durability{memory.DurabilityNone, memory.DurabilityAsync, memory.DurabilitySync} {
		t.Run(string(durability), func(t *testing.T) {
			p := newPipeline(t, durability)
			listener, writer := connect(t, p, false), connect(t, p, false)
			listener.ask(`{"action":"on","eventId":2,"path":"/ALL@/o/*"}`)
			const n = 300
			var written sync.WaitGroup
			written.Add(1)
			go func() {
				defer written.Done()
				for i := range n {
					options := `{}`
					if i%3 == 0 {
						options = `{"noStore":true}`
					}
					writer.say(fmt.Sprintf(`{"action":"set","eventId":%d,"path":"/o/%d","data":{"i":%d},"options":%s}`, i+10, i%7, i, options))
				}
			}()
			for i := range n {
				assert.EqualValues(t, i+10, field(writer.wire.take(t), "_meta", "eventId"))
				assert.EqualValues(t, i, field(listener.wire.take(t), "data", "i"))
			}
			written.Wait()
		})
	}
}

func TestAReadDoesNotWaitForAWriteBeforeIt(t *testing.T) {
	p := newPipeline(t, memory.DurabilitySync)
	k := connect(t, p, false)
	_ = k.peer.Frame([]byte(`{"action":"set","eventId":2,"path":"/r","data":{"v":1}}`))
	_ = k.peer.Frame([]byte(`{"action":"get","eventId":3,"path":"/r"}`))
	k.peer.Idle()
	ids := map[any]map[string]any{}
	for range 2 {
		f := k.wire.take(t)
		ids[field(f, "_meta", "eventId")] = f
	}
	assert.EqualValues(t, 1, field(ids[float64(3)], "data", "v"), "a write is seen by the next request of its connection")
}

func TestConnectionsThatWriteAtOnceAreAllAnswered(t *testing.T) {
	p := newPipeline(t, memory.DurabilitySync)
	var wg sync.WaitGroup
	for c := range 8 {
		k := connect(t, p, false)
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range 200 {
				k.say(fmt.Sprintf(`{"action":"set","eventId":%d,"path":"/c/%d","data":{"i":%d}}`, i+5, (c+i)%5, i))
			}
			for i := range 200 {
				assert.EqualValues(t, i+5, field(k.wire.take(t), "_meta", "eventId"))
			}
		}()
	}
	wg.Wait()
}

func TestConsistencyThreeWithoutSubscribersIsAnsweredAtOnce(t *testing.T) {
	p := newPipeline(t, memory.DurabilityNone)
	k := connect(t, p, false)
	f := k.ask(`{"action":"set","eventId":2,"path":"/q","data":1,"options":{"consistency":3}}`)
	assert.Equal(t, "set", field(f, "_meta", "action"))
	f = k.wire.take(t)
	assert.Equal(t, "publication-ack", f["action"])
	assert.Equal(t, "ok", f["status"])
}

func TestAcknowledgementsCountForTheSessionThatSendsThem(t *testing.T) {
	p := newPipeline(t, memory.DurabilityNone)
	writer, listener, forger := connect(t, p, false), connect(t, p, false), connect(t, p, false)
	listener.ask(`{"action":"on","eventId":2,"path":"/ALL@/q"}`)
	writer.ask(`{"action":"set","eventId":7,"path":"/q","data":1,"options":{"consistency":3}}`)
	id := field(listener.wire.take(t), "_meta", "publicationId").(string)
	forger.ask(fmt.Sprintf(`{"action":"ack","eventId":3,"data":%q,"sessionId":%q}`, id, listener.peer.Session().ID))
	writer.wire.none(t)
	listener.ask(fmt.Sprintf(`{"action":"ack","eventId":3,"data":%q}`, id))
	f := writer.wire.take(t)
	assert.EqualValues(t, 1, field(f, "result", "acknowledged"))
	assert.Equal(t, "ok", f["status"])
}

func TestThePlainEndpointAnswersEverything(t *testing.T) {
	p := newPipeline(t, memory.DurabilityNone)
	k := connect(t, p, true)
	for _, text := range []string{`{bad`, `null`, `5`, `"text"`, `[]`, `{}`, `{"eventId":7}`, `{"action":"bogus","eventId":7}`, `{"action":7}`} {
		f := k.ask(text)
		assert.Equal(t, "error", field(f, "_meta", "status"), text)
		assert.NotEmpty(t, field(f, "_meta", "error", "message"), text)
	}
	k.peer.Refused("binary")
	k.peer.Idle()
	assert.Equal(t, "binary", field(k.wire.take(t), "_meta", "error", "message"))
	assert.Equal(t, "happn_4", k.ask(`{"action":"describe"}`)["protocol"], "it speaks happn_4 without being configured")
}

func TestWhatTheReferenceIgnoresIsIgnoredOnPrimus(t *testing.T) {
	p := newPipeline(t, memory.DurabilityNone)
	k := connect(t, p, false)
	for _, text := range []string{`{bad`, `null`, `5`, `"text"`, `[]`, `{}`, `{"action":"disconnect","eventId":7}`} {
		k.say(text)
	}
	k.wire.none(t)
}

func TestPublishersCannotForgeMeta(t *testing.T) {
	p := newPipeline(t, memory.DurabilityNone)
	k := connect(t, p, false)
	k.ask(`{"action":"on","eventId":2,"path":"/ALL@/q"}`)
	k.say(`{"action":"set","eventId":7,"path":"/q","data":1,"options":{"meta":{"eventOrigin":"me","publicationId":"x","consistency":9,"sessionId":"y","mine":1}}}`)
	meta := field(k.wire.take(t), "_meta").(map[string]any)
	assert.Equal(t, k.peer.Session().ID+"-7", meta["publicationId"])
	assert.EqualValues(t, 2, meta["consistency"])
	assert.Equal(t, k.peer.Session().ID, meta["sessionId"])
	assert.NotContains(t, meta, "eventOrigin")
	assert.EqualValues(t, 1, meta["mine"])
}

func FuzzFrame(f *testing.F) {
	for _, seed := range []string{
		configure, `null`, `{"action":"login","eventId":1}`, `{"action":"configure-session","data":{"protocol":4}}`,
		`{"action":"set","path":"/a","data":{"_meta":1,"a":[1]},"options":{"meta":null,"merge":true,"increment":"05"}}`,
		`{"action":"get","path":"/*","options":{"criteria":{"a":{"$gt":1}},"options":{"limit":"1","count":true}}}`,
		`{"action":"on","path":"/ALL@/a/**","options":{"depth":2,"initialEmit":true}}`, `{"action":"off","path":"*"}`,
		`{"action":"remove","path":"/*","options":{"consistency":3}}`, `{"action":"ack","data":5}`,
	} {
		f.Add([]byte(seed))
	}
	p := newPipeline(f, memory.DurabilityNone)
	f.Fuzz(func(t *testing.T, frame []byte) {
		w := newWire()
		peer := p.Open(w, session.Origin{}, true)
		_ = peer.Frame(frame)
		peer.Idle()
		for _, text := range w.frames {
			if !json.Valid([]byte(text)) {
				t.Fatalf("%q was answered with %q", frame, text)
			}
		}
		if len(w.frames) == 0 && json.Valid(frame) {
			t.Fatalf("%q was not answered", frame)
		}
		peer.Closed(nil)
	})
}

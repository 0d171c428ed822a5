package pipeline_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/memory"
	"github.com/happn-host/happn-host/host/pipeline"
	"github.com/happn-host/happn-host/host/protocol"
	"github.com/happn-host/happn-host/host/session"
)

// spoken is a peer that speaks by records.
type spoken struct {
	t    testing.TB
	peer *pipeline.RecordPeer
	in   *inbox
	last uint64
}

func speak(t testing.TB, p *pipeline.Pipeline) *spoken {
	s := &spoken{t: t, in: newInbox()}
	s.peer = p.OpenRecords(s.in, session.Origin{IP: "127.0.0.1", Endpoint: "plugin:line"})
	t.Cleanup(s.peer.Closed)
	return s
}

// request is a record of a request.
func request(action abi.Action, path, data, options string) *abi.Record {
	rec := &abi.Record{Kind: abi.KindRequest, Action: action}
	for to, text := range map[*[]byte]string{&rec.Path: path, &rec.Data: data, &rec.Options: options} {
		if text != "" {
			*to = []byte(text)
		}
	}
	return rec
}

// ask makes a request and returns its answer.
func (s *spoken) ask(action abi.Action, path, data, options string) abi.Record {
	s.t.Helper()
	rec := request(action, path, data, options)
	s.last++
	rec.EventID = s.last
	require.NoError(s.t, s.peer.Do(context.Background(), rec))
	answer := s.in.take(s.t)
	assert.Equal(s.t, abi.KindResponse, answer.Kind)
	assert.Equal(s.t, s.last, answer.EventID)
	return answer
}

func (s *spoken) ok(action abi.Action, path, data, options string) abi.Record {
	s.t.Helper()
	answer := s.ask(action, path, data, options)
	require.Empty(s.t, string(answer.Error))
	assert.Equal(s.t, action, answer.Action)
	return answer
}

func TestRequestsByRecordsAreAnsweredByRecords(t *testing.T) {
	hosts(t, func(t *testing.T, p *pipeline.Pipeline) {
		s := speak(t, p)
		s.ok(abi.ActionDescribe, "", "", "")
		s.ok(abi.ActionConfigure, "", `{"protocol":"happn_4","version":"13","browser":false}`, "")
		login := s.ok(abi.ActionLogin, "", `{"username":"admin","info":{"a":1}}`, "")
		var record map[string]any
		require.NoError(t, json.Unmarshal(login.Data, &record))
		assert.Equal(t, s.peer.Session().ID, record["id"])

		s.ok(abi.ActionOn, "/ALL@/r/*", "", "")
		data := `{"n":1, "text":"\"}]{[ü", "big":12345678901234567890}`
		rec := request(abi.ActionSet, "/r/1", data, "")
		rec.EventID = 77
		require.NoError(t, s.peer.Do(context.Background(), rec))
		event, answer := s.in.take(t), s.in.take(t)
		assert.Equal(t, abi.KindPublication, event.Kind)
		assert.Equal(t, []string{"/r/1", "/ALL@/r/*", data}, []string{string(event.Path), string(event.Channel), string(event.Data)})
		assert.Equal(t, abi.ActionSet, event.Action)
		assert.Equal(t, data, string(answer.Data))
		assert.Equal(t, "/r/1", string(answer.Path))
		assert.EqualValues(t, 77, answer.EventID)
		assert.Contains(t, string(answer.Meta), `"status":"ok"`)

		got := s.ok(abi.ActionGet, "/r/1", "", "")
		assert.Equal(t, data, string(got.Data))
		assert.Equal(t, "/r/1", string(got.Path))
		assert.Equal(t, "null", string(s.ok(abi.ActionGet, "/r/none", "", "").Data))
		assert.Nil(t, s.ok(abi.ActionGet, "/r/1", "", `{"path_only":true}`).Data)
		s.ok(abi.ActionSet, "/r/2", `{"_meta":{"type":"system"},"a":[{}]}`, `{"noPublish":true}`)
		list := s.ok(abi.ActionGet, "/r/*", "", `{"fields":{"n":1,"a":1}}`)
		var items []map[string]any
		require.NoError(t, json.Unmarshal(list.Data, &items), string(list.Data))
		assert.Len(t, items, 2)
		assert.Equal(t, "[]", string(s.ok(abi.ActionGet, "/none/*", "", "").Data))
		assert.JSONEq(t, `{"value":2}`, string(s.ok(abi.ActionCount, "/r/*", "", "").Data))
		short := s.ok(abi.ActionSet, "/r/3", "5", `{"noDataResponse":true,"noPublish":true}`)
		assert.Nil(t, short.Data)
		assert.Equal(t, "/r/3", string(short.Path))

		s.ok(abi.ActionOff, "*", "", "")
		assert.JSONEq(t, `{"removed":3}`, string(s.ok(abi.ActionRemove, "/r/*", "", "").Data))
		nonce := s.ok(abi.ActionRequestNonce, "", `{"publicKey":"k"}`, "")
		assert.Contains(t, string(nonce.Data), `"nonce"`)
		assert.Empty(t, s.in.arrived)
	})
}

func TestARecordPeerIsTreatedLikeAnyOther(t *testing.T) {
	p, g, admin := secured(t)
	s := speak(t, p)
	answer := s.ask(abi.ActionGet, "/a/1", "", "")
	assert.Contains(t, string(answer.Error), "unauthorized")
	assert.Nil(t, answer.Data)
	told := s.in.take(t)
	assert.Equal(t, "server-side-disconnect", string(told.Channel))
	assert.JSONEq(t, `{"reason":"no-session-policy"}`, string(told.Data))
	assert.Zero(t, told.Action)
	<-s.in.closed

	bob := speak(t, p)
	assert.Contains(t, string(bob.ask(abi.ActionLogin, "", `{"username":"nobody"}`, "").Error), "Invalid credentials")
	bob.ok(abi.ActionLogin, "", `{"username":"bob"}`, "")
	assert.Contains(t, string(bob.ask(abi.ActionGet, "/b/1", "", "").Error), `"code":403`)
	bob.ok(abi.ActionOn, "/ALL@/a/*", "", "")
	requireStatus(t, "ok", admin.ask(`{"action":"set","eventId":4,"path":"/a/secret","data":{}}`))
	requireStatus(t, "ok", admin.ask(`{"action":"set","eventId":4,"path":"/a/1","data":{}}`))
	assert.Equal(t, "/a/1", string(bob.in.take(t).Path))
	g.set(map[string][]string{"bob set": {"/a/"}})
	p.Reconsider(bob.peer.Session())
	g.set(map[string][]string{"bob on": {"/"}, "admin set": {"/"}})
	requireStatus(t, "ok", admin.ask(`{"action":"set","eventId":4,"path":"/a/1","data":{}}`))
	bob.in.none(t)

	var b session.Batch
	p.Disconnect(&b, bob.peer.Session(), "enough")
	assert.JSONEq(t, `{"reason":"enough"}`, string(bob.in.take(t).Data))
	<-bob.in.closed
	before := p.Sessions.Count()
	late := p.OpenRecords(newInbox(), session.Origin{})
	assert.Equal(t, before+1, p.Sessions.Count())
	late.Closed()
	assert.Equal(t, before, p.Sessions.Count())
	require.ErrorIs(t, late.Do(t.Context(), request(abi.ActionGet, "/a/1", "", "")), pipeline.ErrClosed)
}

func TestWhatBecameOfAPublicationIsToldByRecord(t *testing.T) {
	p := newPipeline(t, memory.DurabilityNone)
	s, other := speak(t, p), speak(t, p)
	other.ok(abi.ActionOn, "/ALL@/q", "", "")
	s.ok(abi.ActionSet, "/q", "1", `{"consistency":3}`)
	event := other.in.take(t)
	var meta struct{ PublicationID string }
	require.NoError(t, json.Unmarshal(event.Meta, &meta))
	other.ok(abi.ActionAck, "", fmt.Sprintf("%q", meta.PublicationID), "")
	ack := s.in.take(t)
	assert.Equal(t, abi.ActionPublicationAck, ack.Action)
	assert.EqualValues(t, 1, ack.EventID)
	assert.Contains(t, string(ack.Data), `"acknowledged":1`)
	assert.Nil(t, ack.Error)
}

func TestRecordsOfOnePeerAreAnsweredInOrder(t *testing.T) {
	for _, durability := range []memory.Durability{memory.DurabilityNone, memory.DurabilitySync} {
		t.Run(string(durability), func(t *testing.T) {
			p := newPipeline(t, durability)
			s, listener := speak(t, p), speak(t, p)
			listener.ok(abi.ActionOn, "/SET@/o", "", "")
			const n = 200
			for i := range n / 2 {
				one := request(abi.ActionSet, "/o", fmt.Sprintf(`{"i":%d}`, 2*i), "")
				two := request(abi.ActionSet, "/o", fmt.Sprintf(`{"i":%d}`, 2*i+1), `{"noStore":true}`)
				one.EventID, two.EventID = uint64(2*i), uint64(2*i+1)
				require.NoError(t, s.peer.Do(t.Context(), one, two))
				clear(one.Data) // it was borrowed
				clear(two.Data)
			}
			for i := range n {
				answer, event := s.in.take(t), listener.in.take(t)
				require.EqualValues(t, i, answer.EventID)
				require.Equal(t, fmt.Sprintf(`{"i":%d}`, i), string(answer.Data))
				require.Equal(t, fmt.Sprintf(`{"i":%d}`, i), string(event.Data))
			}
		})
	}
}

func TestHostileRecordsAreAnswered(t *testing.T) {
	deep := strings.Repeat("[", 200) + strings.Repeat("]", 200)
	p := pipelineWith(t, memory.DurabilityNone, func(o *pipeline.Options) { o.MaxPathBytes = 1 << 10 })
	s := speak(t, p)
	for name, c := range map[string]struct {
		rec  *abi.Record
		want string
	}{
		"no action":             {request(0, "/a", "", ""), "unknown action"},
		"an action of tomorrow": {request(200, "/a", "", ""), "unknown action"},
		"the host's own action": {request(abi.ActionPublicationAck, "/a", "", ""), "unknown action"},
		"no path":               {request(abi.ActionSet, "", "{}", ""), "Bad path"},
		"an empty path":         {&abi.Record{Kind: abi.KindRequest, Action: abi.ActionSet, Path: []byte{}}, "Bad path"},
		"a path not UTF-8":      {request(abi.ActionGet, "/a/\xff\xfe", "", ""), "UTF-8"},
		"a wildcard in set":     {request(abi.ActionSet, "/a/*", "{}", ""), "wildcard"},
		"a long path":           {request(abi.ActionGet, "/"+strings.Repeat("a", 1<<20), "", ""), "at most 1024"},
		"data cut off":          {request(abi.ActionSet, "/a", `{"a":[`, ""), "the record's data"},
		"data with a frame":     {request(abi.ActionSet, "/a", `1,"path":"/b"`, ""), "the record's data"},
		"deep data":             {request(abi.ActionSet, "/a", deep, ""), "the record's data"},
		"data not UTF-8":        {request(abi.ActionSet, "/a", "\"\xff\"", ""), "the record's data"},
		"options cut off":       {request(abi.ActionGet, "/a", "", `{"criteria":`), "the record's options"},
		"bad criteria":          {request(abi.ActionGet, "/a", "", `{"criteria":{"$no":1}}`), "$no"},
		"the host's path":       {request(abi.ActionGet, "/_SYSTEM/x", "", ""), "unauthorized"},
		"another protocol":      {request(abi.ActionConfigure, "", `{"protocol":"happn_1"}`, ""), "happn_4"},
		"no token":              {request(abi.ActionRevokeToken, "", "", ""), "Not Secure"},
	} {
		t.Run(name, func(t *testing.T) {
			c.rec.EventID = 1<<64 - 1
			require.NoError(t, s.peer.Do(t.Context(), c.rec))
			answer := s.in.take(t)
			assert.Contains(t, string(answer.Error), c.want)
			assert.EqualValues(t, uint64(1<<64-1), answer.EventID)
			assert.True(t, json.Valid(answer.Error))
			s.in.none(t)
		})
	}
	require.ErrorIs(t, s.peer.Do(t.Context(), &abi.Record{Kind: abi.KindResponse}), protocol.ErrNotARequest)
	n, err := p.Store.Count(t.Context(), &datastore.Query{Pattern: []byte("*")})
	require.NoError(t, err)
	assert.Zero(t, n)
	huge := `{"v":"` + strings.Repeat("x", 8<<20) + `"}`
	s.last = 0
	s.ok(abi.ActionSet, "/huge", huge, "")
	assert.Len(t, s.ok(abi.ActionGet, "/huge", "", "").Data, len(huge))
}

func TestADataMemberNamedEncryptedIsJustData(t *testing.T) {
	s := speak(t, newPipeline(t, memory.DurabilityNone))
	s.ok(abi.ActionSet, "/a", `{"encrypted":true}`, "")
	assert.JSONEq(t, `{"encrypted":true}`, string(s.ok(abi.ActionGet, "/a", "", "").Data))
}

// What a layer makes of messages reaches a record peer as it would a client,
// even where it takes away what the host has put into them.
func TestARecordPeerGetsWhatLayersLeave(t *testing.T) {
	h := &hook{outbound: func(_ context.Context, rec *abi.Record) abi.Verdict {
		switch {
		case string(rec.Path) == "/out":
			rec.Error = []byte("leave")
			return abi.VerdictClose
		case string(rec.Path) != "/l":
			return abi.VerdictPass
		}
		rec.Data, rec.Meta = []byte(`"changed"`), []byte(`{"mine":"\"type\":\"system\""}`)
		if rec.Kind == abi.KindResponse {
			rec.Meta = []byte(`{"type":"system","eventId":5}`) // which the host's own follow
		}
		return abi.VerdictPatch
	}}
	p := pipelineWith(t, memory.DurabilityNone, func(o *pipeline.Options) { o.Layers = h })
	s := speak(t, p)
	s.ok(abi.ActionOn, "/ALL@/l", "", "")
	require.NoError(t, s.peer.Do(t.Context(), request(abi.ActionSet, "/l", "{}", "")))
	event, answer := s.in.take(t), s.in.take(t)
	assert.Equal(t, abi.KindPublication, event.Kind)
	assert.Equal(t, `"changed"`, string(event.Data))
	assert.Equal(t, abi.KindResponse, answer.Kind)
	assert.Equal(t, `"changed"`, string(answer.Data))
	require.NoError(t, s.peer.Do(t.Context(), request(abi.ActionGet, "/out", "", "")))
	assert.JSONEq(t, `{"reason":"leave"}`, string(s.in.take(t).Data))
	assert.Equal(t, "leave", <-s.in.closed)
}

func TestTheLayersOfARecordAreGivenItsContext(t *testing.T) {
	kinds := make(chan abi.Kind, 10)
	h := &hook{seen: func(ctx context.Context, rec *abi.Record) {
		if ctx.Value(chain{}) == "line" {
			kinds <- rec.Kind
		}
	}}
	p := pipelineWith(t, memory.DurabilityNone, func(o *pipeline.Options) { o.Layers = h })
	s, listener := speak(t, p), speak(t, p)
	listener.ok(abi.ActionOn, "/ALL@/a", "", "")
	require.NoError(t, s.peer.Do(context.WithValue(t.Context(), chain{}, "line"), request(abi.ActionSet, "/a", "{}", "")))
	s.in.take(t)
	assert.Equal(t, []abi.Kind{abi.KindRequest, abi.KindPublication, abi.KindResponse}, []abi.Kind{<-kinds, <-kinds, <-kinds})
	s.ok(abi.ActionGet, "/a", "", "")
	assert.Empty(t, kinds, "the next one has its own")
}

func FuzzRecord(f *testing.F) {
	for _, rec := range []*abi.Record{
		request(abi.ActionSet, "/a", `{"_meta":1,"a":[1]}`, `{"merge":true,"increment":"05","meta":{"type":"x"}}`),
		request(abi.ActionSet, "/a", `[{"path":"/a/1","data":{}}]`, `{"bulk":true,"consistency":1}`),
		request(abi.ActionGet, "/*", "", `{"criteria":{"a":{"$gt":1}},"options":{"limit":"1"}}`),
		request(abi.ActionOn, "/ALL@/a/**", "", `{"depth":2,"initialEmit":true}`),
		request(abi.ActionConfigure, "", `{"protocol":"happn_2"}`, ""), request(abi.ActionOff, "*", "", ""),
		request(abi.ActionLogin, "", `{"publicKey":"x","encrypted":true}`, ""), request(99, "\xff", "1", "[]"),
	} {
		text := make([]byte, rec.Size())
		_, _ = rec.Encode(text)
		f.Add(text)
	}
	p := newPipeline(f, memory.DurabilityNone)
	f.Fuzz(func(t *testing.T, text []byte) {
		var rec abi.Record
		if rec.Decode(text) != nil {
			return
		}
		in := newInbox()
		peer := p.OpenRecords(in, session.Origin{})
		defer peer.Closed()
		if err := peer.Do(context.Background(), &rec); err != nil {
			return
		}
		answers := 0
		for len(in.arrived) > 0 {
			got := <-in.arrived
			for _, raw := range [][]byte{got.Data, got.Meta, got.Error} {
				if raw != nil && !json.Valid(raw) {
					t.Fatalf("%q brought %q", text, raw)
				}
			}
			if got.Kind == abi.KindResponse && got.EventID == rec.EventID {
				answers++
			}
		}
		if answers != 1 {
			t.Fatalf("%q was answered %d times", text, answers)
		}
	})
}

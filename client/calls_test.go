package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/client"
)

func TestRequestsOnTheWire(t *testing.T) {
	ctx := context.Background()
	raw := json.RawMessage(`{"a": 1}`)
	cases := []struct {
		name string
		call func(c *client.Client)
		want string // with the event id and session id left out
	}{
		{"get", func(c *client.Client) { _, _ = c.Get(ctx, "/a/b", nil) },
			`{"action":"get","path":"/a/b","data":null}`},
		{"get with everything", func(c *client.Client) {
			_, _ = c.GetAll(ctx, "/a/*", &client.Query{
				Criteria: map[string]any{"n": map[string]any{"$gt": 1}}, Fields: []string{"z", "a"},
				Sort: []client.Order{client.Desc("z"), client.Asc("a")}, Limit: 5, Skip: 2, OnBehalfOf: "joe"})
		}, `{"action":"get","path":"/a/*","data":null,"options":{"criteria":{"n":{"$gt":1}},"fields":{"z":1,"a":1},"onBehalfOf":"joe","options":{"sort":{"z":-1,"a":1},"limit":5,"skip":2}}}`},
		{"get paths", func(c *client.Client) { _, _ = c.GetPaths(ctx, "/a/*", nil) },
			`{"action":"get","path":"/a/*","data":null,"options":{"options":{"path_only":true}}}`},
		{"count", func(c *client.Client) { _, _ = c.Count(ctx, "/a/*", nil) },
			`{"action":"count","path":"/a/*","data":null}`},
		{"set", func(c *client.Client) { _, _ = c.Set(ctx, "/a", map[string]int{"n": 1}, nil) },
			`{"action":"set","path":"/a","data":{"n":1}}`},
		{"set raw", func(c *client.Client) { _, _ = c.Set(ctx, "/a", raw, nil) },
			`{"action":"set","path":"/a","data":{"a": 1}}`},
		{"set null", func(c *client.Client) { _, _ = c.Set(ctx, "/a", nil, nil) },
			`{"action":"set","path":"/a","data":null,"options":{"nullValue":true}}`},
		{"set with everything", func(c *client.Client) {
			_, _ = c.Set(ctx, "/a", 1, &client.SetOptions{Merge: true, NoStore: true, NoDataResponse: true, UpsertType: 2,
				PublishOptions: client.PublishOptions{NoPublish: true, Consistency: client.Queued, PublishResults: true,
					Meta: map[string]any{"m": 1}, TargetClients: []string{"s"}, NoCluster: true, OnBehalfOf: "joe"}})
		}, `{"action":"set","path":"/a","data":1,"options":{"noStore":true,"noPublish":true,"noDataResponse":true,"merge":true,"meta":{"m":1},"targetClients":["s"],"consistency":0,"publishResults":true,"noCluster":true,"upsertType":2,"onBehalfOf":"joe"}}`},
		{"set for nobody", func(c *client.Client) {
			_, _ = c.Set(ctx, "/a", 1, &client.SetOptions{PublishOptions: client.PublishOptions{TargetClients: []string{}}})
		}, `{"action":"set","path":"/a","data":1,"options":{"targetClients":[]}}`},
		{"set all", func(c *client.Client) {
			_, _ = c.SetAll(ctx, "/a", []client.Entry{{Path: "/a/1", Data: 1}, {Path: "/a/2", Data: raw}}, &client.SetOptions{UpsertType: 2})
		}, `{"action":"set","path":"/a","data":[{"path":"/a/1","data":1},{"path":"/a/2","data":{"a":1}}],"options":{"upsertType":2,"bulk":true}}`},
		{"publish", func(c *client.Client) { _ = c.Publish(ctx, "/a", "x", nil) },
			`{"action":"set","path":"/a","data":"x","options":{"noStore":true,"noDataResponse":true}}`},
		{"increment", func(c *client.Client) { _, _ = c.Increment(ctx, "/a", "hits", 2.5, nil) },
			`{"action":"set","path":"/a","data":"hits","options":{"increment":2.5}}`},
		{"remove", func(c *client.Client) {
			_, _ = c.Remove(ctx, "/a/*", &client.RemoveOptions{Criteria: map[string]int{"n": 1}})
		},
			`{"action":"remove","path":"/a/*","data":null,"options":{"criteria":{"n":1}}}`},
		{"odd path", func(c *client.Client) { _, _ = c.Get(ctx, "/a\"\\\u2028é", nil) },
			`{"action":"get","path":"/a\"\\\u2028é","data":null}`},
		{"revoke", func(c *client.Client) { _ = c.RevokeToken(ctx) }, `{"action":"revoke-token","data":null}`},
		{"change password", func(c *client.Client) { _ = c.ChangePassword(ctx, "a", "b") },
			`{"action":"change-password","data":{"oldPassword":"a","newPassword":"b"}}`},
		{"children", func(c *client.Client) { _ = c.DisconnectChildSessions(ctx) }, `{"action":"disconnect-child-sessions","data":null}`},
		{"off all", func(c *client.Client) { _ = c.OffAll(ctx) },
			`{"action":"off","path":"*","data":null,"options":{"referenceId":0}}`},
	}
	s := newStandIn(t, nil)
	c := connect(t, client.Options{URL: s.server.URL})
	for i, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			test.call(c)
			s.mu.Lock()
			got := s.seen[len(s.seen)-1]
			s.mu.Unlock()
			assert.Equal(t, "session-1", got.SessionID)
			assert.Equal(t, i+4, got.EventID)
			text := strings.Replace(got.Raw, fmt.Sprintf(`,"eventId":%d`, got.EventID), "", 1)
			assert.Equal(t, test.want, strings.Replace(text, `,"sessionId":"session-1"`, "", 1))
		})
	}
}

func TestMistakesAreToldBeforeAnythingIsSent(t *testing.T) {
	s := newStandIn(t, nil)
	c := connect(t, client.Options{URL: s.server.URL})
	ctx := testContext(t)
	_, err := c.Get(ctx, "/a/*", nil)
	assert.ErrorContains(t, err, "use GetAll")
	_, err = c.Get(ctx, "", nil)
	assert.ErrorContains(t, err, "path is empty")
	_, err = c.Set(ctx, "", 1, nil)
	assert.ErrorContains(t, err, "path is empty")
	_, err = c.Set(ctx, "/a", json.RawMessage(`{"a":`), nil)
	assert.ErrorContains(t, err, "not valid JSON")
	_, err = c.Set(ctx, "/a", func() {}, nil)
	assert.ErrorContains(t, err, "data")
	_, err = c.SetAll(ctx, "", nil, nil)
	assert.ErrorContains(t, err, "path is empty")
	_, err = c.SetAll(ctx, "/a", []client.Entry{{Path: "/a/1"}, {}}, nil)
	assert.ErrorContains(t, err, "entry 1: the path is empty")
	_, err = c.SetAll(ctx, "/a", []client.Entry{{Path: "/a/1", Data: func() {}}}, nil)
	assert.ErrorContains(t, err, "entry 0, /a/1: data")
	_, err = c.Remove(ctx, "", nil)
	assert.ErrorContains(t, err, "path is empty")
	_, err = c.On(ctx, "", func(context.Context, client.Publication) {}, nil)
	assert.ErrorContains(t, err, "path is empty")
	assert.Empty(t, s.frames("set"))
	assert.Empty(t, s.frames("get"))
}

func TestTheAnswerToSetAll(t *testing.T) {
	s := newStandIn(t, func(p *peer, f frame) bool {
		answers := map[string]string{
			"/host":    `{"data":{"written":2},"_meta":{"path":"/host","eventId":%d,"status":"ok"}}`,
			"/happn-3": `{"data":{"value":[]},"_meta":{"path":"/happn-3","eventId":%d,"status":"ok"}}`,
		}
		answer, ok := answers[f.Path]
		if ok {
			p.send(fmt.Sprintf(answer, f.EventID))
		}
		return ok
	})
	c := connect(t, client.Options{URL: s.server.URL})
	n, err := c.SetAll(testContext(t), "/host", []client.Entry{{Path: "/host/1"}, {Path: "/host/2"}}, nil)
	require.NoError(t, err)
	assert.Equal(t, 2, n)
	_, err = c.SetAll(testContext(t), "/happn-3", nil, nil)
	assert.ErrorContains(t, err, "knows no bulk writes")
}

func TestAnswersAreTakenApart(t *testing.T) {
	s := newStandIn(t, func(p *peer, f frame) bool {
		answers := map[string]string{
			"/one":   `{"data":{"a":1},"_meta":{"path":"/one","created":5,"modified":6,"modifiedBy":"bob","eventId":%d,"status":"ok"}}`,
			"/field": `{"data":{"a":1},"_meta":{"eventId":%d,"status":"ok"}}`,
			"/none":  `{"data":null,"_meta":{"eventId":%d,"status":"ok"}}`,
			"/*":     ` [ {"a" : {"_meta":1} ,"_meta":{"path":"/x","created":5}} , {"_meta":{"path":"/y"},"b\"":[1,"]"]},{"eventId":%d,"status":"ok"}]`,
			"/no/*":  `[{"eventId":%d,"status":"ok"}]`,
			"/p":     `{"_meta":{"path":"/p","eventId":%d,"status":"ok"},"protocol":"happn_4"}`,
		}
		answer, ok := answers[f.Path]
		if ok && f.Action == "get" {
			p.send(fmt.Sprintf(answer, f.EventID))
		}
		return ok && f.Action == "get"
	})
	c := connect(t, client.Options{URL: s.server.URL})
	ctx := testContext(t)

	doc, err := c.Get(ctx, "/one", nil)
	require.NoError(t, err)
	assert.Equal(t, client.Document{Data: json.RawMessage(`{"a":1}`),
		Meta: client.Meta{Path: "/one", Created: 5, Modified: 6, ModifiedBy: "bob"}}, *doc)
	doc, err = c.Get(ctx, "/field", nil)
	require.NoError(t, err)
	assert.Equal(t, "/field", doc.Meta.Path)
	_, err = c.Get(ctx, "/none", nil)
	assert.ErrorIs(t, err, client.ErrNotFound)

	docs, err := c.GetAll(ctx, "/*", nil)
	require.NoError(t, err)
	require.Len(t, docs, 2)
	assert.Equal(t, `{"a":{"_meta":1}}`, string(docs[0].Data))
	assert.Equal(t, client.Meta{Path: "/x", Created: 5}, docs[0].Meta)
	assert.Equal(t, `{"b\"":[1,"]"]}`, string(docs[1].Data))
	for _, pattern := range []string{"/no/*", "/none"} {
		docs, err = c.GetAll(ctx, pattern, nil)
		require.NoError(t, err)
		assert.Empty(t, docs)
	}
	docs, err = c.GetAll(ctx, "/one", nil)
	require.NoError(t, err)
	assert.Len(t, docs, 1)
	paths, err := c.GetPaths(ctx, "/*", nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"/x", "/y"}, paths)
	paths, err = c.GetPaths(ctx, "/p", nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"/p"}, paths)
}

func TestDocumentsDecode(t *testing.T) {
	doc := client.Document{Data: json.RawMessage(`{"n":1,"value":[1,2]}`), Meta: client.Meta{Path: "/a"}}
	var object struct{ N int }
	require.NoError(t, doc.Decode(&object))
	assert.Equal(t, 1, object.N)
	var list []int
	require.NoError(t, doc.Value(&list))
	assert.Equal(t, []int{1, 2}, list)
	assert.ErrorContains(t, doc.Value(new(string)), "/a")
	doc.Data = json.RawMessage(`{}`)
	assert.ErrorContains(t, doc.Value(&list), "use Decode")
	doc.Data = nil
	assert.Error(t, doc.Value(&list))
	assert.Error(t, doc.Decode(&list))
}

func TestManyRequestsInFlightFindTheirOwnAnswers(t *testing.T) {
	var held []func()
	var mu sync.Mutex
	s := newStandIn(t, func(p *peer, f frame) bool {
		if f.Action != "set" {
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		held = append(held, func() { p.ok(f, fmt.Sprintf(`{"value":%s}`, f.Data)) })
		if len(held) == 100 { // answers in the opposite order
			for i := range held {
				held[len(held)-1-i]()
			}
			held = nil
		}
		return true
	})
	c := connect(t, client.Options{URL: s.server.URL})
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			doc, err := c.Set(testContext(t), "/n", i, nil)
			if assert.NoError(t, err) {
				var got int
				assert.NoError(t, doc.Value(&got))
				assert.Equal(t, i, got)
			}
		})
	}
	wg.Wait()
}

func TestUnansweredRequestsEnd(t *testing.T) {
	s := newStandIn(t, func(_ *peer, f frame) bool { return f.Path != "" })
	c := connect(t, client.Options{URL: s.server.URL, CallTimeout: 20 * time.Millisecond})
	_, err := c.Get(context.Background(), "/a", nil)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.ErrorContains(t, err, "CallTimeout")
	assert.NotErrorIs(t, err, client.ErrOutcomeUnknown, "a read changes nothing")

	_, err = c.Set(context.Background(), "/a", 1, nil)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.ErrorIs(t, err, client.ErrOutcomeUnknown)

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = c.Get(ctx, "/a", nil)
	assert.ErrorIs(t, err, context.Canceled)
}

func TestConsistencyAcknowledgedWaitsForTheOutcome(t *testing.T) {
	s := newStandIn(t, func(p *peer, f frame) bool {
		if f.Action != "set" {
			return false
		}
		p.ok(f, `{"value":1}`)
		id := fmt.Sprintf("%s-%d", f.SessionID, f.EventID)
		switch f.Path {
		case "/good":
			p.send(fmt.Sprintf(`{"id":%q,"action":"publication-ack","result":{"successful":2,"failed":0,"skipped":0,"acknowledged":2,"queued":2},"status":"ok","_meta":{"type":"ack","eventId":%d}}`, id, f.EventID))
		case "/bad":
			p.send(fmt.Sprintf(`{"id":%q,"action":"publication-ack","result":{"queued":2,"acknowledged":1},"status":"error","error":"unacknowledged publication","_meta":{"type":"ack","eventId":%d}}`, id, f.EventID))
		}
		return true
	})
	c := connect(t, client.Options{URL: s.server.URL, CallTimeout: 200 * time.Millisecond})
	acknowledged := func(f func(*client.PublishResult, error)) *client.SetOptions {
		return &client.SetOptions{PublishOptions: client.PublishOptions{Consistency: client.Acknowledged, OnPublished: f}}
	}
	ctx := testContext(t)

	doc, err := c.Set(ctx, "/good", 1, acknowledged(nil))
	require.NoError(t, err)
	assert.Equal(t, &client.PublishResult{Queued: 2, Successful: 2, Acknowledged: 2}, doc.Meta.Publish)

	doc, err = c.Set(ctx, "/bad", 1, acknowledged(nil))
	assert.ErrorIs(t, err, client.ErrUnacknowledged)
	require.NotNil(t, doc, "it was stored all the same")
	assert.Equal(t, 1, doc.Meta.Publish.Acknowledged)

	doc, err = c.Set(ctx, "/silent", 1, acknowledged(nil))
	assert.ErrorIs(t, err, client.ErrUnacknowledged)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.NotNil(t, doc)

	type outcome struct {
		result *client.PublishResult
		err    error
	}
	told := make(chan outcome, 1)
	tell := func(r *client.PublishResult, err error) { told <- outcome{r, err} }
	_, err = c.Set(ctx, "/good", 1, acknowledged(tell))
	require.NoError(t, err)
	got := receive(t, told)
	require.NoError(t, got.err)
	assert.Equal(t, 2, got.result.Acknowledged)
	_, err = c.Set(ctx, "/silent", 1, acknowledged(tell))
	require.NoError(t, err)
	assert.ErrorIs(t, receive(t, told).err, context.DeadlineExceeded)
}

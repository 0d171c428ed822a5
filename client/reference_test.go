package client_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/client"
	"github.com/happn-host/happn-host/tests/testhost"
)

// startReference runs the real happn-3 server for one test.
func startReference(t *testing.T, settings testhost.Settings) *testhost.Server {
	t.Helper()
	if testing.Short() {
		t.Skip("the reference server is left out of short tests")
	}
	return testhost.StartReference(t, settings)
}

type person struct {
	Name string `json:"name"`
	Age  int    `json:"age"`
}

func TestReferenceStoresAndFinds(t *testing.T) {
	s := startReference(t, testhost.Settings{})
	c := connect(t, client.Options{URL: s.URL()})
	ctx := testContext(t)

	for i, name := range []string{"ann", "bob", "cid", "dan"} {
		doc, err := c.Set(ctx, "/people/"+name, person{name, 20 + i}, nil)
		require.NoError(t, err)
		assert.Equal(t, "/people/"+name, doc.Meta.Path)
		assert.NotZero(t, doc.Meta.Created)
		assert.True(t, doc.Meta.Published)
	}
	doc, err := c.Get(ctx, "/people/bob", nil)
	require.NoError(t, err)
	var bob person
	require.NoError(t, doc.Decode(&bob))
	assert.Equal(t, person{"bob", 21}, bob)
	_, err = c.Get(ctx, "/people/eve", nil)
	assert.ErrorIs(t, err, client.ErrNotFound)

	query := &client.Query{
		Criteria: map[string]any{"age": map[string]any{"$gte": 21}},
		Sort:     []client.Order{client.Desc("age")}, Limit: 2, Skip: 1,
	}
	docs, err := c.GetAll(ctx, "/people/*", query)
	require.NoError(t, err)
	require.Len(t, docs, 2)
	assert.Equal(t, "/people/cid", docs[0].Meta.Path)
	assert.JSONEq(t, `{"name":"bob","age":21}`, string(docs[1].Data))
	docs, err = c.GetAll(ctx, "/people/*", &client.Query{Fields: []string{"age"}, Limit: 1})
	require.NoError(t, err)
	assert.JSONEq(t, `{"age":20}`, string(docs[0].Data))
	paths, err := c.GetPaths(ctx, "/people/*", nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"/people/ann", "/people/bob", "/people/cid", "/people/dan"}, paths)
	paths, err = c.GetPaths(ctx, "/people/ann", nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"/people/ann"}, paths)
	n, err := c.Count(ctx, "/people/*", &client.Query{Criteria: map[string]any{"age": map[string]any{"$gt": 21}}})
	require.NoError(t, err)
	assert.Equal(t, int64(2), n)

	doc, err = c.Set(ctx, "/people/bob", map[string]int{"age": 50}, &client.SetOptions{Merge: true})
	require.NoError(t, err)
	assert.JSONEq(t, `{"name":"bob","age":50}`, string(doc.Data))
	removed, err := c.Remove(ctx, "/people/*", &client.RemoveOptions{Criteria: map[string]any{"age": 50}})
	require.NoError(t, err)
	assert.Equal(t, int64(1), removed)
	removed, err = c.Remove(ctx, "/nobody", nil)
	require.NoError(t, err)
	assert.Zero(t, removed)
}

func TestReferenceStoresEveryKindOfValue(t *testing.T) {
	s := startReference(t, testhost.Settings{})
	c := connect(t, client.Options{URL: s.URL()})
	for _, value := range []string{`"text"`, `1.5`, `true`, `null`, `[1,"2",{}]`, `{"a":{"b":[null]}}`, `{}`} {
		want := value
		if value[0] != '{' {
			want = `{"value":` + value + `}`
		}
		doc, err := c.Set(testContext(t), "/value", json.RawMessage(value), nil)
		require.NoError(t, err)
		assert.JSONEq(t, want, string(doc.Data))
		doc, err = c.Get(testContext(t), "/value", nil)
		require.NoError(t, err)
		assert.JSONEq(t, want, string(doc.Data))
	}
	doc, err := c.Set(testContext(t), "/value", 1, &client.SetOptions{NoDataResponse: true})
	require.NoError(t, err)
	assert.Nil(t, doc.Data)
	for want := 2.0; want < 7; want += 2 {
		got, err := c.Increment(testContext(t), "/gauge", "hits", 2, nil)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	_, err = c.Set(testContext(t), "/no*", 1, nil)
	var answered *client.Error
	require.ErrorAs(t, err, &answered)
	assert.Contains(t, answered.Message, "cannot contain the * wildcard")
}

func TestReferencePublishes(t *testing.T) {
	s := startReference(t, testhost.Settings{})
	subscriber, publisher := connect(t, client.Options{URL: s.URL()}), connect(t, client.Options{URL: s.URL()})
	ctx := testContext(t)
	on := func(path string, o *client.OnOptions) (<-chan client.Publication, *client.Subscription) {
		got := make(chan client.Publication, 100)
		sub, err := subscriber.On(ctx, path, collect(got), o)
		require.NoError(t, err)
		return got, sub
	}
	_, err := publisher.Set(ctx, "/t/old", person{"old", 99}, nil)
	require.NoError(t, err)
	all, _ := on("/t/*", nil)
	sets, _ := on("/t/a", &client.OnOptions{Event: client.EventSet})
	removals, _ := on("/t/a", &client.OnOptions{Event: client.EventRemove})
	once, _ := on("/t/*", &client.OnOptions{Count: 1})
	deep, _ := on("/t/**", &client.OnOptions{Depth: 2})
	merged, _ := on("/t/old", &client.OnOptions{Merge: true})
	emitted, _ := on("/t/ol*", &client.OnOptions{InitialEmit: true})

	first := receive(t, emitted)
	assert.Equal(t, "/t/old", first.Meta.Path)
	assert.JSONEq(t, `{"name":"old","age":99}`, string(first.Data))

	_, err = publisher.Set(ctx, "/t/a", 1, &client.SetOptions{PublishOptions: client.PublishOptions{Meta: map[string]any{"mine": 7}}})
	require.NoError(t, err)
	for _, got := range []<-chan client.Publication{all, sets, once, deep} {
		p := receive(t, got)
		var n int
		require.NoError(t, p.Value(&n))
		assert.Equal(t, 1, n)
		assert.Equal(t, "/t/a", p.Meta.Path)
		assert.Equal(t, publisher.Session().ID, p.Meta.SessionID)
		assert.Contains(t, string(p.Meta.Raw), `"mine":7`)
	}
	require.NoError(t, publisher.Publish(ctx, "/t/b/c", "gone", nil))
	p := receive(t, deep)
	assert.Equal(t, "/t/b/c", p.Meta.Path)
	_, err = publisher.Get(ctx, "/t/b/c", nil)
	assert.ErrorIs(t, err, client.ErrNotFound)

	_, err = publisher.Remove(ctx, "/t/a", nil)
	require.NoError(t, err)
	removed := receive(t, removals)
	assert.True(t, removed.Removed())
	removed = receive(t, all)
	assert.True(t, removed.Removed())
	_, err = publisher.Set(ctx, "/t/old", map[string]int{"age": 100}, &client.SetOptions{Merge: true})
	require.NoError(t, err)
	p = receive(t, merged)
	assert.JSONEq(t, `{"age":100}`, string(p.Data))
	assert.Empty(t, once)
	assert.Empty(t, sets)
	for _, target := range []struct {
		ids  []string
		want int
	}{{[]string{subscriber.Session().ID}, 1}, {[]string{}, 0}} {
		doc, err := publisher.Set(ctx, "/t/x", 1, &client.SetOptions{PublishOptions: client.PublishOptions{
			TargetClients: target.ids, PublishResults: true}})
		require.NoError(t, err)
		require.NotNil(t, doc.Meta.Publish)
		assert.Equal(t, target.want > 0, doc.Meta.Publish.Successful > 0)
	}
}

func TestReferenceForgetsSubscriptionsThatEnd(t *testing.T) {
	s := startReference(t, testhost.Settings{})
	c := connect(t, client.Options{URL: s.URL()})
	ctx := testContext(t)
	recipients := func() int {
		doc, err := c.Set(ctx, "/o/a", 1, &client.SetOptions{PublishOptions: client.PublishOptions{PublishResults: true}})
		require.NoError(t, err)
		return doc.Meta.Publish.Successful
	}
	one, err := c.On(ctx, "/o/a", ignore, nil)
	require.NoError(t, err)
	for _, path := range []string{"/o/*", "/*/a"} {
		_, err = c.On(ctx, path, ignore, nil)
		require.NoError(t, err)
	}
	assert.Equal(t, 3, recipients())
	require.NoError(t, one.Off(ctx))
	assert.Equal(t, 2, recipients())
	require.NoError(t, c.OffPath(ctx, "/o/*"))
	assert.Equal(t, 1, recipients())
	require.NoError(t, c.OffAll(ctx))
	assert.Equal(t, 0, recipients())
}

func TestReferenceConsistency(t *testing.T) {
	s := startReference(t, testhost.Settings{})
	subscriber, publisher := connect(t, client.Options{URL: s.URL()}), connect(t, client.Options{URL: s.URL()})
	ctx := testContext(t)
	got := make(chan client.Publication, 10)
	_, err := subscriber.On(ctx, "/c", collect(got), nil)
	require.NoError(t, err)
	for _, level := range []client.Consistency{client.Queued, client.Deferred, client.Transactional, client.Acknowledged} {
		doc, err := publisher.Set(ctx, "/c", int(level), &client.SetOptions{PublishOptions: client.PublishOptions{Consistency: level}})
		require.NoError(t, err)
		p := receive(t, got)
		assert.JSONEq(t, string(doc.Data), string(p.Data))
		switch level {
		case client.Transactional:
			assert.True(t, doc.Meta.Published)
		case client.Acknowledged:
			assert.Equal(t, 1, doc.Meta.Publish.Acknowledged)
			assert.Equal(t, 3, p.Meta.Consistency)
		}
	}
	told := make(chan *client.PublishResult, 1)
	_, err = publisher.Set(ctx, "/c", 1, &client.SetOptions{PublishOptions: client.PublishOptions{
		Consistency: client.Deferred, OnPublished: func(r *client.PublishResult, err error) {
			assert.NoError(t, err)
			told <- r
		}}})
	require.NoError(t, err)
	assert.Equal(t, 1, receive(t, told).Successful)
}

func TestReferenceReconnectsAfterACrash(t *testing.T) {
	s := startReference(t, testhost.Settings{})
	c := connect(t, client.Options{URL: s.URL(), Reconnect: quickly()})
	got := make(chan client.Publication, 10)
	_, err := c.On(testContext(t), "/r/**", collect(got), &client.OnOptions{Depth: 7, Merge: true, Event: client.EventSet})
	require.NoError(t, err)
	before := c.Session().ID
	s.Kill()
	s.StartAgain()
	require.Eventually(t, func() bool { return c.Session().ID != before }, patience, 10*tick)

	_, err = c.Set(testContext(t), "/r/1/2/3/4/5/6/7", 1, nil)
	require.NoError(t, err)
	p := receive(t, got)
	assert.Equal(t, 7, p.Meta.Depth, "the reference's own client falls back to 5 here")
}

func TestReferenceThatStopsForGood(t *testing.T) {
	s := startReference(t, testhost.Settings{NoReconnect: true})
	ended := make(chan error, 1)
	c := connect(t, client.Options{URL: s.URL(), Reconnect: quickly(), Listener: client.Listener{
		StateChanged: func(state client.State, err error) {
			if state == client.StateEnded {
				ended <- err
			}
		}}})
	s.Terminate()
	err := receive(t, ended)
	assert.ErrorIs(t, err, client.ErrSessionEnded)
	assert.ErrorContains(t, err, "reconnect-false")
	assert.Equal(t, client.StateEnded, c.State())
}

func TestReferenceChecksWhoWeAre(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	public := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(&key.PublicKey)}))
	publicJS, err := json.Marshal(public)
	require.NoError(t, err)
	s := startReference(t, testhost.Settings{Config: map[string]any{"secure": true}, Prepare: fmt.Sprintf(`
		const users = server.services.security.users, groups = server.services.security.groups;
		const group = await groups.upsertGroup({name:'g', permissions:{'/mine/*':{actions:['*']}}});
		const bob = await users.upsertUser({username:'bob', password:'secret', publicKey:%s});
		await groups.linkGroup(group, bob);`, publicJS)})
	ctx := testContext(t)

	_, err = client.Connect(ctx, client.Options{URL: s.URL(), Username: "bob", Password: "wrong"})
	assert.ErrorIs(t, err, client.ErrUnauthorized)

	bob := connect(t, client.Options{URL: s.URL(), Username: "bob", Password: "secret"})
	assert.True(t, bob.Session().Secure)
	_, err = bob.Set(ctx, "/mine/a", 1, nil)
	assert.NoError(t, err)
	_, err = bob.Set(ctx, "/other", 1, nil)
	assert.ErrorIs(t, err, client.ErrForbidden)
	_, err = bob.On(ctx, "/other", ignore, nil)
	assert.ErrorIs(t, err, client.ErrForbidden)

	connect(t, client.Options{URL: s.URL(), Username: "bob", PublicKey: public, PrivateKey: key})

	ended := make(chan error, 1)
	byToken := connect(t, client.Options{URL: s.URL(), Token: bob.Session().Token, Listener: client.Listener{
		StateChanged: func(state client.State, err error) {
			if state == client.StateEnded {
				ended <- err
			}
		}}})
	_, err = byToken.Get(ctx, "/mine/a", nil)
	assert.NoError(t, err)
	require.NoError(t, bob.DisconnectChildSessions(ctx))
	assert.ErrorContains(t, receive(t, ended), "token-revoked")

	require.NoError(t, bob.ChangePassword(ctx, "secret", "better"))
	require.NoError(t, bob.RevokeToken(ctx))
	_, err = client.Connect(ctx, client.Options{URL: s.URL(), Username: "bob", Password: "secret"})
	assert.ErrorIs(t, err, client.ErrUnauthorized)
	connect(t, client.Options{URL: s.URL(), Username: "bob", Password: "better"})
}

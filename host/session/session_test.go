package session_test

import (
	"encoding/json"
	"regexp"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/protocol"
	"github.com/happn-host/happn-host/host/session"
)

// counter is a link that wants a flush after its first frame.
type counter struct {
	sent, flushed int
	dirty         bool
}

func (c *counter) Send([]byte, bool) bool {
	c.sent++
	flush := !c.dirty
	c.dirty = true
	return flush
}
func (c *counter) Flush()                  { c.flushed++; c.dirty = false }
func (c *counter) Close(int, string, bool) {}

func record(t *testing.T, s *session.Session) map[string]any {
	t.Helper()
	var v map[string]any
	require.NoError(t, json.Unmarshal(s.AppendRecord(nil, session.Server{Name: "n", CookieName: "c"}), &v))
	return v
}

// happn-wire.md, 2.4.
func TestTheRecordGrowsWithTheHandshake(t *testing.T) {
	r := session.NewRegistry()
	s := r.Open(&counter{}, session.Origin{IP: "1.2.3.4", Port: 5, URL: "/primus", Headers: []byte(`{"host":"h"}`)})
	v := record(t, s)
	assert.Equal(t, "happn", v["protocol"])
	assert.NotContains(t, v, "version")
	assert.NotContains(t, v, "info")
	s.CountMessage()
	s.Configure(protocol.V4, "", true)
	s.Login([]byte(`{"a":1}`))
	v = record(t, s)
	assert.Equal(t, map[string]any{
		"msgCount": 1.0, "id": s.ID, "protocol": "happn_4", "happn": map[string]any{"name": "n", "secure": false},
		"headers": map[string]any{"host": "h"}, "encrypted": false, "url": "/primus", "version": "unknown", "cookieName": "c",
		"address": map[string]any{"ip": "1.2.3.4", "port": 5.0, "secure": false}, "info": map[string]any{"a": 1.0},
	}, v)
	local := r.Open(&counter{}, session.Origin{InProc: true})
	assert.Equal(t, "intra-proc", record(t, local)["address"])
}

func TestIdsAreRandomUUIDs(t *testing.T) {
	r := session.NewRegistry()
	seen := map[string]bool{}
	for range 1000 {
		s := r.Open(&counter{}, session.Origin{})
		assert.Regexp(t, regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`), s.ID)
		assert.Len(t, s.ReferencePrefix(), 22)
		assert.False(t, seen[s.ID])
		seen[s.ID] = true
	}
}

func TestTheRegistryKnowsWhoIsOpen(t *testing.T) {
	r := session.NewRegistry()
	var wg sync.WaitGroup
	for range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 200 {
				s := r.Open(&counter{}, session.Origin{})
				assert.Same(t, s, r.Get(s.ID))
				r.Each(func(*session.Session) {})
				assert.True(t, r.End(s))
				assert.False(t, r.End(s), "a session ends once")
				assert.Nil(t, r.Get(s.ID))
			}
		}()
	}
	wg.Wait()
	assert.Zero(t, r.Count())
}

func TestABatchFlushesEachPeerOnce(t *testing.T) {
	r := session.NewRegistry()
	var b session.Batch
	links := make([]*counter, 300)
	for i := range links {
		links[i] = &counter{}
		s := r.Open(links[i], session.Origin{})
		b.Send(s, nil, false)
		b.Send(s, nil, false)
	}
	assert.Equal(t, 1, links[0].flushed, "a batch does not hold more than a bounded number of peers")
	b.Flush()
	flushes := 0
	for _, l := range links {
		assert.False(t, l.dirty, "nothing is left behind")
		assert.Equal(t, 2, l.sent)
		flushes += l.flushed
	}
	assert.LessOrEqual(t, flushes, len(links)+1, "frames that wait together leave together")
}

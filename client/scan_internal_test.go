package client

import (
	"encoding/json"
	"testing"

	"github.com/happn-host/happn-host/internal/rawjson"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// FuzzParse shows that no frame of a server can crash a client, and that what
// is well formed is taken apart without loss.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"data":{"a":1},"_meta":{"eventId":1,"status":"ok"},"protocol":"happn_4"}`,
		`[{"a":"]}","_meta":{"path":"/a"}},{"eventId":1,"status":"ok"}]`,
		`"primus::ping::17"`, `{"a":"\\\""}`, `[`, `{"_meta":{"error":"x"}}`, ` { "_meta" : { } } `,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		m, err := parse(frame)
		if err != nil || !json.Valid(frame) || m.kind == kindControl {
			return
		}
		_ = m.err(&request{})
		if m.list {
			var items []json.RawMessage
			require.NoError(t, json.Unmarshal(frame, &items))
			n := 0
			for range rawjson.Elements(frame) {
				n++
			}
			assert.Equal(t, len(items), n)
			_, _ = m.documents()
			return
		}
		assert.True(t, json.Valid(m.meta))
		assert.True(t, m.data == nil || json.Valid(m.data))
		_, _ = m.document()
	})
}

func TestDocumentPatternsMatchAcrossSlashes(t *testing.T) {
	cases := []struct {
		pattern, path string
		want          bool
	}{
		{"/a", "/a", true}, {"/a", "/b", false}, {"*", "/a/b", true}, {"/a/*", "/a/b/c", true}, {"/a/*", "/a", false},
		{"/a/*", "/a/", true}, {"/a*c", "/abc", true}, {"/a*c", "/abcd", false}, {"/a**c", "/abc", true},
		{"/a*a", "/a", false}, {"*b*", "/abc", true}, {"/A/*", "/a/b", false}, {"/x*b*y", "/xaby", true}, {"/x*b*y", "/xay", false},
	}
	for _, c := range cases {
		assert.Equal(t, c.want, matches(c.pattern, c.path), "%s %s", c.pattern, c.path)
	}
}

func BenchmarkParsePublication(b *testing.B) {
	frame := []byte(`{"data":{"v":1,"text":"some words to make it a little longer than nothing at all"},"_meta":{"action":"/SET@/sub/one","type":"data","sessionId":"d8221973-bacc-4597-bb45-706a0fb73d4b","consistency":2,"publicationId":"d8221973-bacc-4597-bb45-706a0fb73d4b-4","path":"/sub/one","created":1795189008723,"modified":1795189008723,"channel":"/ALL@/sub/*"},"protocol":"happn_4"}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parse(frame); err != nil {
			b.Fatal(err)
		}
	}
}

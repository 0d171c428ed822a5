package storetest

import (
	"context"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
)

var removing = []test{
	{"one document", func(s *subject) {
		s.put("/a", `{}`)
		s.put("/a/b", `{}`)
		require.Equal(s, 1, s.remove(matching("/a")))
		require.Nil(s, s.get("/a"))
		require.Equal(s, []string{"/a/b"}, s.paths(matching("*")))
		require.Equal(s, 0, s.remove(matching("/a")))
	}},
	{"nothing is no error", func(s *subject) {
		require.Equal(s, 0, s.remove(matching("/none")))
		require.Equal(s, 0, s.remove(matching("/none/*")))
	}},
	{"by pattern and filter", func(s *subject) {
		for i := range "0123456789" {
			s.put("/r/"+string(rune('0'+i)), `{"n":`+string(rune('0'+i))+`}`)
		}
		s.put("/q", `{"n":9}`)
		require.Equal(s, 4, s.remove(datastore.Query{Pattern: []byte("/r/*"), Filter: atLeast(6)}))
		require.Equal(s, 0, s.remove(datastore.Query{Pattern: []byte("/r/1"), Filter: atLeast(6)}))
		require.Equal(s, []string{"/q", "/r/0", "/r/1", "/r/2", "/r/3", "/r/4", "/r/5"}, s.paths(matching("*")))
	}},
	{"order, skip and limit are ignored", func(s *subject) {
		for _, path := range []string{"/r/1", "/r/2", "/r/3"} {
			s.put(path, `{}`)
		}
		require.Equal(s, 3, s.remove(datastore.Query{Pattern: []byte("/r/*"), Order: byN(1), Skip: 1, Limit: 1}))
	}},
	{"a removal whose context has ended removes nothing", func(s *subject) {
		s.put("/a", `{}`)
		s.put("/b", `{}`)
		ctx, cancel := context.WithCancel(s.Context())
		cancel()
		done := make(outcomes, 1)
		for _, pattern := range []string{"/a", "/*"} {
			q := matching(pattern)
			s.store.Remove(ctx, &q, done)
			require.ErrorIs(s, done.next(s).err, context.Canceled)
		}
		require.Equal(s, []string{"/a", "/b"}, s.paths(matching("*")))
	}},
	{"a path that is set again is new", func(s *subject) {
		s.must(put("/a", `{"old":1}`, 1000))
		s.remove(matching("/a"))
		got := s.must(merge("/a", `{"n":1}`, 2000))
		require.Equal(s, &datastore.Document{Path: "/a", Data: []byte(`{"n":1}`), Created: 2000, Modified: 2000}, got)
		s.remove(matching("/*"))
		require.JSONEq(s, `{"g":{"value":1}}`, string(s.must(increment("/a", "g", 1)).Data))
		require.Equal(s, []string{"/a"}, s.paths(matching("*")))
	}},
	{"many documents", func(s *subject) {
		n := s.severalBatches()
		done := make(outcomes, n)
		for i := range n {
			w := put("/many/"+strings.Repeat("x", i%7)+string(rune('a'+i%26))+strings.Repeat("y", i/26), `{}`, 1)
			s.store.Write(s.Context(), &w, done)
		}
		for range n {
			require.NoError(s, done.next(s).err)
		}
		stored := len(s.paths(matching("*")))
		require.Equal(s, stored, s.remove(matching("/many/*")))
		require.Empty(s, s.paths(matching("*")))
	}},
}

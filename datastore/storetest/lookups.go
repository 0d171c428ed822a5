package storetest

import (
	"context"
	"fmt"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
)

// getAll looks up the paths at once, whether or not the store is a Getter, and
// checks that each document is the one that Get has.
func (s *subject) getAll(paths ...string) []*datastore.Document {
	s.Helper()
	docs, err := datastore.GetAll(context.Background(), s.store, paths)
	require.NoError(s, err)
	require.Len(s, docs, len(paths))
	for i, path := range paths {
		require.Equal(s, s.get(path), docs[i], path)
	}
	return docs
}

var lookups = []test{
	{"documents come in the order of their paths", func(s *subject) {
		for _, path := range []string{"/a", "/b", "/c"} {
			s.put(path, fmt.Sprintf(`{"path":%q}`, path))
		}
		for _, paths := range [][]string{{"/c", "/a", "/b"}, {"/a"}, {"/b", "/b", "/a", "/b"}} {
			for i, doc := range s.getAll(paths...) {
				require.Equal(s, paths[i], doc.Path)
				s.sameData(fmt.Sprintf(`{"path":%q}`, paths[i]), string(doc.Data))
			}
		}
	}},
	{"a path without a document has nil", func(s *subject) {
		s.put("/a", `{}`)
		docs := s.getAll("/none", "/a", "/a/", "/A", "/*", "*", "")
		for i, doc := range docs {
			require.Equal(s, i == 1, doc != nil, i)
		}
		require.Empty(s, s.getAll())
	}},
	{"all that belongs to a document comes with it", func(s *subject) {
		w := put("/a", `{"v":1}`, 1000)
		w.User, w.Tag = "bob", "first"
		s.must(w)
		require.Equal(s, &datastore.Document{
			Path: "/a", Data: []byte(`{"v":1}`), Created: 1000, Modified: 1000, ModifiedBy: "bob", Tag: "first",
		}, s.getAll("/a")[0])
	}},
	{"what was written, and removed, before is seen", func(s *subject) {
		n := s.many(100)
		done := make(outcomes, n+1)
		paths := make([]string, n)
		for i := range n {
			paths[i] = fmt.Sprintf("/w/%03d", i)
			w := put(paths[i], `{}`, 1)
			s.store.Write(context.Background(), &w, done)
		}
		gone := matching(paths[0])
		s.store.Remove(context.Background(), &gone, done)
		docs, err := datastore.GetAll(context.Background(), s.store, paths)
		require.NoError(s, err)
		for i, doc := range docs {
			require.Equal(s, i > 0, doc != nil, paths[i])
		}
		for range n + 1 {
			require.NoError(s, done.next(s).err)
		}
	}},
	{"many paths, more than a store asks for at a time", func(s *subject) {
		n := s.many(2100)
		done := make(outcomes, n)
		paths := make([]string, 0, n+1)
		for i := range n {
			paths = append(paths, fmt.Sprintf("/many/%04d", (i*7919)%n))
			w := put(paths[i], fmt.Sprintf(`{"i":%d}`, i), 1)
			s.store.Write(context.Background(), &w, done)
		}
		for range n {
			require.NoError(s, done.next(s).err)
		}
		docs, err := datastore.GetAll(context.Background(), s.store, append(paths, "/none"))
		require.NoError(s, err)
		require.Len(s, docs, n+1)
		for i, path := range paths {
			require.NotNil(s, docs[i], path)
			require.Equal(s, path, docs[i].Path)
			s.sameData(fmt.Sprintf(`{"i":%d}`, i), string(docs[i].Data))
		}
		require.Nil(s, docs[n])
	}},
	{"a closed store looks nothing up", func(s *subject) {
		s.put("/a", `{}`)
		require.NoError(s, s.store.Close())
		_, err := datastore.GetAll(context.Background(), s.store, []string{"/a", "/b"})
		require.ErrorIs(s, err, datastore.ErrClosed)
	}},
}

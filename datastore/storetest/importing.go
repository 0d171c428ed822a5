package storetest

import (
	"context"
	"fmt"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
)

// importer returns the store's Importer, or skips the test.
func (s *subject) importer() datastore.Importer {
	i, ok := s.store.(datastore.Importer)
	if !ok {
		s.Skip("the store takes no documents as they are")
	}
	return i
}

// imports stores the documents as they are.
func (s *subject) imports(docs ...*datastore.Document) {
	s.Helper()
	require.NoError(s, s.importer().Import(context.Background(), docs))
}

// foreign is a document that no write can make: it was modified long after it was
// created.
func foreign(path, data string) *datastore.Document {
	return &datastore.Document{Path: path, Data: []byte(data), Created: 1000, Modified: 5000, ModifiedBy: "bob", Tag: "first"}
}

var importing = []test{
	{"documents are stored with the times, users and tags they have", func(s *subject) {
		s.imports(foreign("/i/1", `{"v":1}`), &datastore.Document{Path: "/i/2", Data: []byte(`{}`), Created: -5, Modified: -7})
		require.Equal(s, foreign("/i/1", `{"v":1}`), s.get("/i/1"))
		require.Equal(s, foreign("/i/1", `{"v":1}`), s.find(matching("/i/1"))[0])
		require.Equal(s, &datastore.Document{Path: "/i/2", Data: []byte(`{}`), Created: -5, Modified: -7}, s.get("/i/2"))
		require.Equal(s, []string{"/i/1", "/i/2"}, s.paths(matching("/i/*")))
	}},
	{"a document takes the place of what was there, also its time of creation", func(s *subject) {
		w := put("/i/1", `{"old":true}`, 9000)
		w.Tag, w.User = "second", "eve"
		s.must(w)
		s.put("/i/2", `{"stays":true}`)
		s.imports(&datastore.Document{Path: "/i/1", Data: []byte(`{"v":1}`), Created: 1000, Modified: 5000})
		require.Equal(s, &datastore.Document{Path: "/i/1", Data: []byte(`{"v":1}`), Created: 1000, Modified: 5000}, s.get("/i/1"))
		require.Equal(s, []string{"/i/1", "/i/2"}, s.paths(matching("/i/*")))
	}},
	{"writes go on from an imported document", func(s *subject) {
		s.imports(foreign("/i/1", `{"v":1}`))
		got := s.must(merge("/i/1", `{"w":2}`, 6000))
		require.Equal(s, &datastore.Document{Path: "/i/1", Data: []byte(`{"v":1,"w":2}`), Created: 1000, Modified: 6000, Tag: "first"}, got)
		require.ErrorIs(s, s.write(when(datastore.IfAbsent, put("/i/1", `{}`, 1))).err, datastore.ErrExists)
		require.Equal(s, 1, s.remove(matching("/i/*")))
	}},
	{"of two documents with one path the later one stays", func(s *subject) {
		s.imports(foreign("/i/1", `{"v":1}`), foreign("/i/2", `{}`), foreign("/i/1", `{"v":2}`))
		require.Equal(s, `{"v":2}`, string(s.get("/i/1").Data))
		require.Equal(s, []string{"/i/1", "/i/2"}, s.paths(matching("*")))
	}},
	{"importing again changes nothing", func(s *subject) {
		for range 2 {
			s.imports(foreign("/i/1", `{"v":1}`), foreign("/i/2", `{"v":2}`))
			require.Equal(s, []*datastore.Document{foreign("/i/1", `{"v":1}`), foreign("/i/2", `{"v":2}`)}, s.find(matching("*")))
		}
	}},
	{"paths of any bytes are imported, those with an asterisk too", func(s *subject) {
		for _, path := range []string{"/_SYSTEM/_SECURITY/_PERMISSIONS/_ADMIN/*/{{w}}", "/a.b$c", "/\u00fc", "no slash"} {
			s.imports(foreign(path, `{}`))
			require.Equal(s, foreign(path, `{}`), s.get(path))
		}
	}},
	{"thousands at once", func(s *subject) {
		var docs []*datastore.Document
		for i := range 5000 {
			docs = append(docs, foreign(fmt.Sprintf("/many/%04d", i), fmt.Sprintf(`{"i":%d}`, i)))
		}
		s.imports(docs...)
		s.imports()
		require.Len(s, s.paths(matching("/many/*")), 5000)
	}},
	{"a closed store imports nothing", func(s *subject) {
		i := s.importer()
		require.NoError(s, s.store.Close())
		require.ErrorIs(s, i.Import(context.Background(), []*datastore.Document{foreign("/a", `{}`)}), datastore.ErrClosed)
	}},
}

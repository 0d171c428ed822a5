package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/stretchr/testify/assert"
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
	{"many at once", func(s *subject) {
		var docs []*datastore.Document
		n := s.many(5000)
		for i := range n {
			docs = append(docs, foreign(fmt.Sprintf("/many/%04d", i), fmt.Sprintf(`{"i":%d}`, i)))
		}
		s.imports(docs...)
		s.imports()
		require.Len(s, s.paths(matching("/many/*")), n)
	}},
	{"a document comes after the writes that were made before it", func(s *subject) {
		i, n := s.importer(), s.many(300)
		done := make(outcomes, n+1)
		var docs []*datastore.Document
		for k := range n {
			path := fmt.Sprintf("/i/%03d", k)
			w := put(path, `{"written":true}`, 9000)
			s.store.Write(context.Background(), &w, done)
			docs = append(docs, foreign(path, `{"v":1}`))
		}
		require.NoError(s, i.Import(context.Background(), docs))
		w := merge("/i/000", `{"later":true}`, 9500)
		s.store.Write(context.Background(), &w, done)
		for range n + 1 {
			require.NoError(s, done.next(s).err)
		}
		docs[0] = &datastore.Document{Path: "/i/000", Data: []byte(`{"v":1,"later":true}`), Created: 1000, Modified: 9500, Tag: "first"}
		require.Equal(s, docs, s.find(matching("/i/*")))
	}},
	{"those who import and write the same paths at once leave one whole document at each", func(s *subject) {
		i, n := s.importer(), s.many(200)
		var all sync.WaitGroup
		for who := range 4 {
			all.Go(func() {
				var docs []*datastore.Document
				for k := range n {
					docs = append(docs, foreign(fmt.Sprintf("/race/%03d", k), fmt.Sprintf(`{"a":%d,"b":%d}`, who, who)))
				}
				for part := range slices.Chunk(docs, 20) {
					assert.NoError(s, i.Import(context.Background(), part))
				}
			})
		}
		done := make(outcomes, n)
		for k := range n {
			w := put(fmt.Sprintf("/race/%03d", k), `{"a":9,"b":9}`, 1000)
			s.store.Write(context.Background(), &w, done)
		}
		for range n {
			require.NoError(s, done.next(s).err)
		}
		all.Wait()
		docs := s.find(matching("/race/*"))
		require.Len(s, docs, n)
		for _, doc := range docs {
			var data struct{ A, B *int }
			require.NoError(s, json.Unmarshal(doc.Data, &data))
			require.Equal(s, data.A, data.B, doc.Path)
			require.NotNil(s, data.A, doc.Path)
		}
	}},
	{"what JSON can say is kept", func(s *subject) {
		const data = `{"i":9007199254740993,"f":0.1,"neg":-5,"t":"\u00fc\n","n":null,"a":[1,"x",{"b":[]}],"a.b":{"$set":1},"":true}`
		s.imports(foreign("/i/1", data))
		s.sameData(data, string(s.get("/i/1").Data))
	}},
	{"a document that can be imported is", func(s *subject) {
		i := s.importer()
		for _, doc := range []*datastore.Document{
			foreign("/i/1", `{}`), foreign("/i/\xff", `{}`), foreign("/i/2", strings.Repeat(`{"a":`, 150)+"1"+strings.Repeat("}", 150)),
		} {
			err := i.CanImport(doc)
			before := s.paths(matching("*"))
			failed := i.Import(context.Background(), []*datastore.Document{foreign("/other", `{}`), doc})
			if err == nil {
				require.NoError(s, failed)
				require.Equal(s, doc, s.get(doc.Path))
				continue
			}
			one := new(datastore.BatchError)
			require.ErrorAs(s, failed, &one)
			require.Equal(s, [2]any{1, doc.Path}, [2]any{one.Place, one.Path})
			require.Equal(s, err.Error(), one.Err.Error())
			require.Subset(s, append(before, "/other"), s.paths(matching("*")))
		}
	}},
	{"a closed store imports nothing", func(s *subject) {
		i := s.importer()
		require.NoError(s, s.store.Close())
		require.ErrorIs(s, i.Import(context.Background(), []*datastore.Document{foreign("/a", `{}`)}), datastore.ErrClosed)
	}},
}

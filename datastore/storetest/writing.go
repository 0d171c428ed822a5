package storetest

import (
	"context"
	"fmt"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
)

var writing = []test{
	{"a put document is there with its times and user", func(s *subject) {
		w := put("/a/b", `{"x":1}`, 1234)
		w.User = "bob"
		want := &datastore.Document{Path: "/a/b", Data: []byte(`{"x":1}`), Created: 1234, Modified: 1234, ModifiedBy: "bob"}
		require.Equal(s, want, s.must(w))
		require.Equal(s, want, s.get("/a/b"))
	}},
	{"a second put replaces all of the data and keeps the creation time", func(s *subject) {
		s.must(put("/a", `{"x":1,"y":2}`, 1000))
		got := s.must(put("/a", `{"z":3}`, 2000))
		require.Equal(s, &datastore.Document{Path: "/a", Data: []byte(`{"z":3}`), Created: 1000, Modified: 2000}, got)
		require.Equal(s, got, s.get("/a"))
	}},
	{"each writer leaves its name, also none", func(s *subject) {
		w := put("/a", `{}`, 1000)
		w.User = "bob"
		s.must(w)
		require.Empty(s, s.put("/a", `{}`).ModifiedBy)
		m := merge("/a", `{}`, 1000)
		m.User = "eve"
		require.Equal(s, "eve", s.must(m).ModifiedBy)
		i := increment("/a", "g", 1)
		i.User = "ann"
		require.Equal(s, "ann", s.must(i).ModifiedBy)
	}},
	{"data comes back as the bytes that went in", func(s *subject) {
		for _, data := range []string{
			`{}`, `{ "a" : [1, 2 ,3] }`, `{"path":"/x","created":1,"_id":"y"}`,
			`{"ü":"\u00fc","n":1e400,"big":12345678901234567890}`, `{"a":1,"a":2}`,
			`{"long":"` + strings.Repeat("x", 1<<20) + `"}`,
		} {
			if s.has(NoDecimals) && strings.Contains(data, "1e400") {
				continue
			}
			s.put("/data", data)
			s.sameData(data, string(s.get("/data").Data))
		}
	}},
	{"paths are bytes: nothing is normalised", func(s *subject) {
		paths := []string{"/a", "a", "/a/", "//a", "/A", "/a//b", "/a b", "/ä", "/.*", "/a/*", "/" + strings.Repeat("p", 5000)}
		for i, path := range paths {
			s.put(path, fmt.Sprintf(`{"i":%d}`, i))
		}
		for i, path := range paths {
			doc := s.get(path)
			require.NotNil(s, doc, path)
			require.Equal(s, path, doc.Path)
			require.Equal(s, fmt.Sprintf(`{"i":%d}`, i), string(doc.Data))
		}
	}},
	{"a write is visible when Write returns, before it is answered", func(s *subject) {
		n := 100
		if s.has(Slow) {
			n = 30
		}
		done := make(outcomes, 2*n)
		for i := range n {
			path, data := fmt.Sprintf("/v/%d", i), fmt.Sprintf(`{"i":%d}`, i)
			w := put(path, data, 1000)
			s.store.Write(context.Background(), &w, done)
			require.Equal(s, data, string(s.get(path).Data))
			w = put("/v/same", data, 1000)
			s.store.Write(context.Background(), &w, done)
			require.Equal(s, data, string(s.get("/v/same").Data))
			require.Len(s, s.paths(matching("/v/*")), i+2)
		}
		for range cap(done) {
			require.NoError(s, done.next(s).err)
		}
	}},
	{"path and data are borrowed", func(s *subject) {
		done := make(outcomes, 3)
		path, data, patch := []byte("/borrowed"), []byte(`{"a":"x"}`), []byte(`{"b":"y"}`)
		for _, w := range []datastore.Write{
			{Op: datastore.Put, Path: path, Data: data, Now: 1},
			{Op: datastore.Merge, Path: path, Data: patch, Now: 2},
			{Op: datastore.Increment, Path: path, Gauge: "g", By: 1, Now: 3},
		} {
			before := string(path)
			s.store.Write(context.Background(), &w, done)
			for _, b := range [][]byte{path, w.Data} {
				for i := range b {
					b[i] = '#'
				}
			}
			require.NoError(s, done.next(s).err)
			copy(path, before)
		}
		doc := s.get("/borrowed")
		require.NotNil(s, doc)
		require.Equal(s, "/borrowed", doc.Path)
		require.JSONEq(s, `{"a":"x","b":"y","g":{"value":1}}`, string(doc.Data))
		require.Equal(s, []string{"/borrowed"}, s.paths(matching("*")))
	}},
	{"a document that was handed out does not change", func(s *subject) {
		first := s.put("/a", `{"v":1}`)
		read, found := s.get("/a"), s.find(matching("/*"))[0]
		s.must(put("/a", `{"v":2}`, 2000))
		s.must(merge("/a", `{"w":3}`, 3000))
		s.must(increment("/a", "g", 1))
		s.remove(matching("/a"))
		s.put("/a", `{"v":9}`)
		for _, doc := range []*datastore.Document{first, read, found} {
			require.Equal(s, &datastore.Document{Path: "/a", Data: []byte(`{"v":1}`), Created: 1000, Modified: 1000}, doc)
		}
	}},
	{"an unknown operation is an error and changes nothing", func(s *subject) {
		s.put("/a", `{"v":1}`)
		require.Error(s, s.write(datastore.Write{Op: 77, Path: []byte("/a"), Data: []byte(`{}`), Now: 1}).err)
		require.Error(s, s.write(datastore.Write{Op: 77, Path: []byte("/b"), Data: []byte(`{}`), Now: 1}).err)
		require.Equal(s, `{"v":1}`, string(s.get("/a").Data))
		require.Nil(s, s.get("/b"))
	}},
}

package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
)

// archiver returns the store as one that makes archives, and skips the test if
// it is none.
func (s *subject) archiver() datastore.Archiver {
	s.Helper()
	a, ok := archiverOf(s.store)
	if !ok {
		s.Skip("the store makes no archives")
	}
	return a
}

// archiverOf asks for an archive of nothing.
func archiverOf(store datastore.Store) (datastore.Archiver, bool) {
	a, ok := store.(datastore.Archiver)
	if !ok {
		return nil, false
	}
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := a.Archive(stopped, &datastore.Query{Pattern: []byte("*")}, 0)
	return a, !errors.Is(err, errors.ErrUnsupported)
}

// archive moves what the query selects into an archive.
func (s *subject) archive(q datastore.Query) (datastore.Archive, datastore.Reader) {
	s.Helper()
	a, err := s.archiver().Archive(context.Background(), &q, 0)
	require.NoError(s, err)
	r, err := s.archiver().OpenArchive(context.Background(), a.ID)
	require.NoError(s, err)
	return a, r
}

// read returns the documents that the query selects, and requires that Count agrees.
func (s *subject) read(r datastore.Reader, q datastore.Query) []*datastore.Document {
	s.Helper()
	docs := []*datastore.Document{}
	require.NoError(s, r.Find(context.Background(), &q, func(doc *datastore.Document) bool {
		docs = append(docs, doc)
		return true
	}))
	n, err := r.Count(context.Background(), &q)
	require.NoError(s, err)
	require.Len(s, docs, n, "Count differs from what Find yields")
	return docs
}

func pathsOf(docs []*datastore.Document) []string {
	paths := []string{}
	for _, doc := range docs {
		paths = append(paths, doc.Path)
	}
	return paths
}

var archiving = []test{
	{"what is archived has left the store and can be read in the archive", func(s *subject) {
		s.archiver()
		began := time.Now().Add(-time.Second)
		s.must(datastore.Write{Op: datastore.Put, Path: []byte("/a/1"), Data: []byte(`{"n":1}`), Now: 5, User: "bob", Tag: "t"})
		before := s.get("/a/1")
		s.put("/a/2", `{"n":2}`)
		s.put("/b", `{}`)
		a, r := s.archive(matching("/a/*"))
		require.Positive(s, a.ID)
		require.EqualValues(s, 2, a.Documents)
		require.WithinRange(s, a.Taken, began, time.Now().Add(time.Second))
		require.Equal(s, []string{"/b"}, s.paths(matching("*")))
		require.Nil(s, s.get("/a/1"))
		doc, err := r.Get(context.Background(), []byte("/a/1"))
		require.NoError(s, err)
		require.Equal(s, before, doc)
		doc, err = r.Get(context.Background(), []byte("/b"))
		require.NoError(s, err)
		require.Nil(s, doc)
		require.Equal(s, []string{"/a/1", "/a/2"}, pathsOf(s.read(r, matching("*"))))
	}},
	{"a document written again is a new one", func(s *subject) {
		s.archiver()
		s.must(put("/a", `{"n":1}`, 5))
		s.archive(matching("*"))
		require.EqualValues(s, 9, s.must(merge("/a", `{"m":1}`, 9)).Created)
		_, second := s.archive(matching("*"))
		require.JSONEq(s, `{"m":1}`, string(s.read(second, matching("/a"))[0].Data))
	}},
	{"archives are searched like stores", func(s *subject) {
		s.archiver()
		for i := range 300 {
			s.put(fmt.Sprintf("/s/%03d", i), fmt.Sprintf(`{"n":%d}`, i%100))
		}
		live := [][]string{}
		queries := []datastore.Query{
			matching("*"), matching("/s/1*"), matching("*7"), matching("/s/*1*"), matching("/s/12"), matching("/s/012"), matching("/t*"),
			{Pattern: []byte("*"), Filter: atLeast(90)},
			{Pattern: []byte("/s/012"), Filter: atLeast(90)},
			{Pattern: []byte("*"), Filter: atLeast(90), Skip: 2, Limit: 7},
			{Pattern: []byte("*"), Skip: 290}, {Pattern: []byte("*"), Skip: 3, Limit: -290}, {Pattern: []byte("*"), Limit: -300},
			{Pattern: []byte("*"), Order: byN(-1)},
			{Pattern: []byte("*"), Order: byN(-1), Skip: 5, Limit: 10},
			{Pattern: []byte("*"), Order: byN(1), Skip: 5, Limit: -280},
		}
		for _, q := range queries {
			live = append(live, s.paths(q))
		}
		_, r := s.archive(matching("/s*"))
		for i, q := range queries {
			require.Equal(s, live[i], pathsOf(s.read(r, q)), "query %d", i)
		}
		n := 0
		q := matching("*")
		require.NoError(s, r.Find(context.Background(), &q, func(*datastore.Document) bool { n++; return n < 130 }))
		require.Equal(s, 130, n)
		stopped, cancel := context.WithCancel(context.Background())
		cancel()
		require.ErrorIs(s, r.Find(stopped, &q, func(*datastore.Document) bool { return true }), context.Canceled)
	}},
	{"ids ascend and are not used again", func(s *subject) {
		a := s.archiver()
		first, _ := s.archive(matching("*"))
		second, err := a.Archive(context.Background(), &datastore.Query{Pattern: []byte("*")}, first.ID+10)
		require.NoError(s, err)
		require.Equal(s, first.ID+11, second.ID)
		all, err := a.ListArchives(context.Background())
		require.NoError(s, err)
		require.Equal(s, []datastore.Archive{first, second}, all)
		require.NoError(s, a.DropArchive(context.Background(), second.ID))
		third, _ := s.archive(matching("*"))
		require.Equal(s, second.ID+1, third.ID)
	}},
	{"a dropped archive is gone, also for its readers", func(s *subject) {
		a := s.archiver()
		s.put("/a", `{}`)
		one, r := s.archive(matching("*"))
		require.NoError(s, a.DropArchive(context.Background(), one.ID))
		q := matching("*")
		require.ErrorIs(s, r.Find(context.Background(), &q, nil), datastore.ErrNoArchive)
		_, err := r.Count(context.Background(), &q)
		require.ErrorIs(s, err, datastore.ErrNoArchive)
		_, err = r.Get(context.Background(), []byte("/a"))
		require.ErrorIs(s, err, datastore.ErrNoArchive)
		_, err = a.OpenArchive(context.Background(), one.ID)
		require.ErrorIs(s, err, datastore.ErrNoArchive)
		require.ErrorIs(s, a.DropArchive(context.Background(), one.ID), datastore.ErrNoArchive)
		_, err = a.BackupArchive(context.Background(), one.ID, &bytes.Buffer{})
		require.ErrorIs(s, err, datastore.ErrNoArchive)
		require.Empty(s, s.paths(matching("*")), "its documents do not come back")
	}},
	{"a caller that gives up leaves everything as it was", func(s *subject) {
		a := s.archiver()
		s.put("/a", `{}`)
		stopped, cancel := context.WithCancel(context.Background())
		cancel()
		_, err := a.Archive(stopped, &datastore.Query{Pattern: []byte("*")}, 0)
		require.ErrorIs(s, err, context.Canceled)
		all, err := a.ListArchives(context.Background())
		require.NoError(s, err)
		require.Empty(s, all)
		require.Equal(s, []string{"/a"}, s.paths(matching("*")))
	}},
	{"a closed store", func(s *subject) {
		a := s.archiver()
		one, r := s.archive(matching("*"))
		require.NoError(s, s.store.Close())
		q := matching("*")
		_, err := a.Archive(context.Background(), &q, 0)
		require.ErrorIs(s, err, datastore.ErrClosed)
		_, err = a.ListArchives(context.Background())
		require.ErrorIs(s, err, datastore.ErrClosed)
		require.ErrorIs(s, a.DropArchive(context.Background(), one.ID), datastore.ErrClosed)
		_, err = r.Count(context.Background(), &q)
		require.ErrorIs(s, err, datastore.ErrClosed)
	}},
}

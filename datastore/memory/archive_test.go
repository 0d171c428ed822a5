package memory_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/memory"
)

// archive moves what the pattern covers into an archive.
func archive(t testing.TB, s *memory.Store, pattern string) datastore.Archive {
	t.Helper()
	a, err := s.Archive(background, &datastore.Query{Pattern: []byte(pattern)}, 0)
	require.NoError(t, err)
	return a
}

// archived returns the documents of an archive that the pattern covers.
func archived(t testing.TB, s *memory.Store, id int64, pattern string) (docs []*datastore.Document) {
	t.Helper()
	r, err := s.OpenArchive(background, id)
	require.NoError(t, err)
	require.NoError(t, r.Find(background, &datastore.Query{Pattern: []byte(pattern)}, func(doc *datastore.Document) bool {
		docs = append(docs, doc)
		return true
	}))
	return docs
}

func TestArchivesOutliveTheProcessAndTakeNoMemory(t *testing.T) {
	leaksNothing(t)
	for _, durability := range []memory.Durability{memory.DurabilitySync, memory.DurabilityAsync} {
		o := memory.Options{Dir: t.TempDir(), Durability: durability, Indexes: someIndexes}
		s := open(t, o)
		putMany(t, s, "/many/", 3000)
		put(t, s, "/\xff\xff", `{}`)
		before := everything(t, s)
		put(t, s, "/stays", `{}`)
		first := archive(t, s, "/many/*")
		second := archive(t, s, "/\xff*")
		require.NoError(t, s.DropArchive(background, archive(t, s, "/none/*").ID))
		require.EqualValues(t, 1, s.Stats().Documents)
		require.NoError(t, s.Close())

		s = open(t, o)
		require.EqualValues(t, 1, s.Recovery().Documents)
		all, err := s.ListArchives(background)
		require.NoError(t, err)
		require.Equal(t, []datastore.Archive{first, second}, all)
		require.EqualValues(t, 2, s.Stats().Archives)
		require.EqualValues(t, 3001, s.Stats().Archived)
		docs := append(archived(t, s, first.ID, "*"), archived(t, s, second.ID, "*")...)
		require.Equal(t, before, docs)
		require.Equal(t, second.ID+2, archive(t, s, "*").ID, "the id of the dropped archive is not used again")
		require.NoError(t, s.Close())
	}
}

func TestAnArchiveCanBeCarriedAway(t *testing.T) {
	leaksNothing(t)
	s := open(t, memory.Options{Dir: t.TempDir()})
	putMany(t, s, "/many/", 100)
	before := everything(t, s)
	a := archive(t, s, "*")
	put(t, s, "/later", `{}`)
	var out bytes.Buffer
	info, err := s.BackupArchive(background, a.ID, &out)
	require.NoError(t, err)
	require.Equal(t, [2]int64{a.Documents, a.Bytes}, [2]int64{info.Documents, info.Bytes})
	dir := filepath.Join(t.TempDir(), "restored")
	_, err = memory.Restore(background, &out, dir)
	require.NoError(t, err)
	again := open(t, memory.Options{Dir: dir})
	require.Equal(t, before, everything(t, again))

	stream, _ := backup(t, s)
	dir = filepath.Join(t.TempDir(), "live")
	_, err = memory.Restore(background, stream, dir)
	require.NoError(t, err)
	require.Equal(t, 1, count(t, open(t, memory.Options{Dir: dir}), "*"), "a backup holds no archives")
}

func TestAStoreThatKeepsNothingMakesNoArchives(t *testing.T) {
	s := open(t, memory.Options{Durability: memory.DurabilityNone})
	_, err := s.Archive(background, &datastore.Query{Pattern: []byte("*")}, 0)
	require.ErrorIs(t, err, errors.ErrUnsupported)
	_, err = s.OpenArchive(background, 1)
	require.ErrorIs(t, err, datastore.ErrNoArchive)
	require.ErrorIs(t, s.DropArchive(background, 1), datastore.ErrNoArchive)
}

// TestNoWriteIsLostToAnArchive has writers count up while archives are made: a
// number that was answered is in the store or in an archive.
func TestNoWriteIsLostToAnArchive(t *testing.T) {
	leaksNothing(t)
	s := open(t, memory.Options{Dir: t.TempDir(), Durability: memory.DurabilityAsync})
	putMany(t, s, "/a/filling/", 2000)
	const writers, rounds, writes = 8, 12, 500
	for round := range rounds {
		var group sync.WaitGroup
		for g := range writers {
			group.Go(func() {
				done := make(answers, 1)
				for i := range writes {
					s.Write(background, putWrite(fmt.Sprintf("/z/%d", g), fmt.Sprintf(`{"i":%d}`, round*writes+i)), done)
					if got := <-done; !assert.NoError(t, got.err) {
						return
					}
				}
			})
		}
		archive(t, s, "*")
		group.Wait()
	}
	all, err := s.ListArchives(background)
	require.NoError(t, err)
	for g := range writers {
		path := fmt.Sprintf("/z/%d", g)
		doc, err := s.Get(background, []byte(path))
		require.NoError(t, err)
		for i := len(all) - 1; doc == nil && i >= 0; i-- {
			if found := archived(t, s, all[i].ID, path); len(found) > 0 {
				doc = found[0]
			}
		}
		require.NotNil(t, doc, path)
		var data struct{ I int }
		require.NoError(t, json.Unmarshal(doc.Data, &data))
		require.Equal(t, rounds*writes-1, data.I, path)
	}
}

// crashArchives is set for a child that archives.
const crashArchives = "HAPPN_CRASH_ARCHIVES"

// TestACrashLeavesNoPartOfAnArchive kills a child that writes documents and
// archives them, again and again on the same folder. Those that were written
// together must be together: in the store, or in one archive.
func TestACrashLeavesNoPartOfAnArchive(t *testing.T) {
	dir := t.TempDir()
	var written []string
	for round := range 8 {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), crashDir+"="+dir, crashArchives+"=1", fmt.Sprintf("%s=%d", crashStart, round))
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, child.Start())
		var timer *time.Timer
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if timer == nil {
				timer = time.AfterFunc(time.Duration(rand.IntN(150))*time.Millisecond, func() { _ = child.Process.Kill() })
			}
			written = append(written, lines.Text())
		}
		require.NotNil(t, timer, "the child wrote nothing")
		require.Error(t, child.Wait(), "the child was not killed")

		s, err := memory.Open(memory.Options{Dir: dir})
		require.NoError(t, err)
		all, err := s.ListArchives(background)
		require.NoError(t, err)
		for _, prefix := range written {
			places := map[string]int{}
			if n := count(t, s, prefix+"*"); n > 0 {
				places["the store"] = n
			}
			for _, a := range all {
				if n := len(archived(t, s, a.ID, prefix+"*")); n > 0 {
					places[fmt.Sprint("archive ", a.ID)] = n
				}
			}
			require.Len(t, places, 1, "%s: %v", prefix, places)
			for _, n := range places {
				require.Equal(t, archivedTogether, n, "%s: %v", prefix, places)
			}
		}
		for _, a := range all {
			require.Len(t, archived(t, s, a.ID, "*"), int(a.Documents))
		}
		require.NoError(t, s.Close())
	}
	t.Logf("%d times documents were written", len(written))
}

const archivedTogether = 4000

// archivingChild writes and archives until it is killed, and says what is written.
func archivingChild(dir string) {
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	s, err := memory.Open(memory.Options{Dir: dir})
	fail(err)
	for i := 0; ; i++ {
		prefix := fmt.Sprintf("/%s/%d/", os.Getenv(crashStart), i)
		done := make(answers, archivedTogether)
		for n := range archivedTogether {
			s.Write(background, putWrite(fmt.Sprint(prefix, n), fmt.Sprintf(`{"n":%d,"text":"%0300d"}`, n, n)), done)
		}
		for range archivedTogether {
			fail((<-done).err)
		}
		fmt.Println(prefix)
		_, err := s.Archive(background, &datastore.Query{Pattern: []byte("*")}, 0)
		fail(err)
	}
}

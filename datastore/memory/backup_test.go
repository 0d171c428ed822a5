package memory_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/memory"
)

// backup returns a backup of the store.
func backup(t testing.TB, s *memory.Store) (*bytes.Buffer, datastore.Snapshot) {
	t.Helper()
	var out bytes.Buffer
	info, err := s.Backup(background, &out)
	require.NoError(t, err)
	require.EqualValues(t, out.Len(), info.Size)
	return &out, info
}

func TestARestoredBackupHasTheSameDocuments(t *testing.T) {
	leaksNothing(t)
	for _, durability := range []memory.Durability{memory.DurabilitySync, memory.DurabilityAsync} {
		s := open(t, memory.Options{Dir: t.TempDir(), Durability: durability})
		putMany(t, s, "/many/", 1000)
		put(t, s, "", `{"long":"`+strings.Repeat("x", 3<<20)+`"}`)
		done := make(answers, 1)
		w := putWrite("/tagged", `{}`)
		w.Tag = "t"
		s.Write(background, w, done)
		require.NoError(t, done.next(t).err)
		before := everything(t, s)
		stream, info := backup(t, s)
		put(t, s, "/later", `{}`)
		require.EqualValues(t, 1002, info.Documents)

		dir := filepath.Join(t.TempDir(), "new", "folder")
		restored, err := memory.Restore(background, stream, dir)
		require.NoError(t, err)
		require.Equal(t, info.Taken.UnixMilli(), restored.Taken.UnixMilli())
		restored.Taken = info.Taken
		require.Equal(t, info, restored)
		again := open(t, memory.Options{Dir: dir})
		require.True(t, again.Recovery().Clean)
		require.Equal(t, before, everything(t, again))
		require.Equal(t, info.Bytes, again.Stats().Bytes)
		require.NoError(t, again.Close())
		require.NoError(t, s.Close())
	}
}

// TestABackupUnderLoadIsAStateThatExisted has writers that count up two paths,
// one after the other or both in a batch, while backups are made.
func TestABackupUnderLoadIsAStateThatExisted(t *testing.T) {
	leaksNothing(t)
	s := open(t, memory.Options{Dir: t.TempDir(), Durability: memory.DurabilityAsync})
	putMany(t, s, "/b/filling/", 2000)
	stop := make(chan struct{})
	var group sync.WaitGroup
	for g := range 2 {
		group.Go(func() {
			for i := 1; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				data := fmt.Sprintf(`{"i":%d}`, i)
				first, second := fmt.Sprintf("/z/%d", g), fmt.Sprintf("/a/%d", g)
				s.Write(background, putWrite(first, data), ignore{})
				s.Write(background, putWrite(second, data), ignore{})
				done := make(allAnswers, 1)
				s.WriteAll(background, []datastore.Write{*putWrite(first+"/batch", data), *putWrite(second+"/batch", data)}, done)
				if <-done != nil {
					return
				}
			}
		})
	}
	for range 5 {
		stream, _ := backup(t, s)
		dir := filepath.Join(t.TempDir(), "restored")
		_, err := memory.Restore(background, stream, dir)
		require.NoError(t, err)
		again := open(t, memory.Options{Dir: dir})
		number := func(path string) (data struct{ I int }) {
			doc, err := again.Get(background, []byte(path))
			require.NoError(t, err)
			if doc != nil {
				require.NoError(t, json.Unmarshal(doc.Data, &data))
			}
			return data
		}
		for g := range 2 {
			first, second := fmt.Sprintf("/z/%d", g), fmt.Sprintf("/a/%d", g)
			require.Contains(t, []int{0, 1}, number(first).I-number(second).I)
			require.Equal(t, number(first+"/batch"), number(second+"/batch"))
		}
		require.Equal(t, 2000, count(t, again, "/b/*"))
		require.NoError(t, again.Close())
	}
	close(stop)
	group.Wait()
}

func TestABackupThatIsNotWholeIsRefused(t *testing.T) {
	leaksNothing(t)
	s := open(t, memory.Options{Dir: t.TempDir()})
	putMany(t, s, "/p/", 20)
	stream, _ := backup(t, s)
	good := stream.Bytes()
	refused := func(content []byte, what string) {
		t.Helper()
		dir := filepath.Join(t.TempDir(), "restored")
		_, err := memory.Restore(background, bytes.NewReader(content), dir)
		require.ErrorIs(t, err, memory.ErrBackup, what)
		names, err := os.ReadDir(filepath.Dir(dir))
		require.NoError(t, err)
		require.Empty(t, names, "nothing is left behind")
	}
	for _, cut := range []int{0, 5, len("happn-backup\n") + 1, 30, len(good) / 2, len(good) - 33, len(good) - 1} {
		refused(good[:cut], fmt.Sprint("cut at ", cut))
	}
	for at := 0; at < len(good); at += 1 + len(good)/60 {
		if at >= len("happn-backup\n")+1 && at < len("happn-backup\n")+7 {
			continue
		}
		bad := bytes.Clone(good)
		bad[at] ^= 0x41
		refused(bad, fmt.Sprint("damaged at ", at))
	}
	refused(append(bytes.Clone(good), 0), "something behind it")
	fake := append([]byte("happn-backup\n\x01\x00"), 1, 0xff, 0xff, 0xff, 0xff, 0x0f) // a path of 4 GB
	refused(fake, "a length that is a lie")
	empty := append([]byte("happn-backup\n\x01\x00"), 0, 1)
	sum := sha256.Sum256(empty)
	refused(append(empty, sum[:]...), "a number of documents that is wrong")
	newer := bytes.Clone(good)
	newer[len("happn-backup\n")] = 2
	_, err := memory.Restore(background, bytes.NewReader(newer), filepath.Join(t.TempDir(), "x"))
	require.ErrorContains(t, err, "newer version of this program")
}

func TestRestoreTakesNoFolderThatIsInUse(t *testing.T) {
	dir := t.TempDir()
	s := open(t, memory.Options{Dir: dir})
	put(t, s, "/a", `{}`)
	stream, _ := backup(t, s)
	_, err := memory.Restore(background, stream, dir)
	require.ErrorContains(t, err, "not empty")
	require.Equal(t, 1, count(t, s, "*"))
}

// refuser is a writer that fails, and calls something first.
type refuser struct{ before func() }

var errRefused = errors.New("refused")

func (r refuser) Write([]byte) (int, error) {
	if r.before != nil {
		r.before()
	}
	return 0, errRefused
}

func TestABackupEndsWithItsWriterItsContextAndItsStore(t *testing.T) {
	leaksNothing(t)
	s := open(t, memory.Options{Dir: t.TempDir()})
	put(t, s, "/long", `{"text":"`+strings.Repeat("x", 1<<20)+`"}`)
	putMany(t, s, "/p/", 3000)
	_, err := s.Backup(background, refuser{})
	require.ErrorIs(t, err, errRefused)
	ctx, cancel := context.WithCancel(background)
	cancel()
	_, err = s.Backup(ctx, &bytes.Buffer{})
	require.ErrorIs(t, err, context.Canceled)

	closed := make(chan error, 1)
	_, err = s.Backup(background, refuser{before: func() { go func() { closed <- s.Close() }() }})
	require.Error(t, err)
	require.NoError(t, <-closed, "Close waits for the backup")
	_, err = s.Backup(background, &bytes.Buffer{})
	require.ErrorIs(t, err, datastore.ErrClosed)
	require.ErrorIs(t, s.Compact(background), datastore.ErrClosed)

	none := open(t, memory.Options{Durability: memory.DurabilityNone})
	_, err = none.Backup(background, &bytes.Buffer{})
	require.ErrorContains(t, err, "keeps nothing")
	require.NoError(t, none.Compact(background))
}

func TestCompactionGivesSpaceBack(t *testing.T) {
	leaksNothing(t)
	dir := t.TempDir()
	s := open(t, memory.Options{Dir: dir, Durability: memory.DurabilityAsync})
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 4000 { // of text that does not compress well
		var text strings.Builder
		for range 500 {
			fmt.Fprintf(&text, "%016x", random.Uint64())
		}
		put(t, s, fmt.Sprintf("/p/%d", i), fmt.Sprintf(`{"text":"%s"}`, &text))
	}
	require.Greater(t, s.Stats().GrownBytes, int64(8<<20))
	require.Greater(t, tableBytes(t, dir), int64(8<<20))
	removeAll(t, s, "/p/*")
	put(t, s, "/after", `{}`)
	require.NoError(t, s.Compact(background))
	require.Eventually(t, func() bool { return tableBytes(t, dir) < 1<<20 }, 10*time.Second, 10*time.Millisecond)
	require.Equal(t, 1, count(t, s, "*"))
}

// tableBytes is the size of pebble's tables; logs are used again and stay.
func tableBytes(t *testing.T, dir string) (total int64) {
	t.Helper()
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	require.NoError(t, err)
	for _, name := range tables {
		if info, err := os.Stat(name); err == nil { // it may be gone by now
			total += info.Size()
		}
	}
	return total
}

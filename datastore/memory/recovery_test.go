package memory_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/memory"
)

func TestWhatWasWrittenIsThereAfterReopening(t *testing.T) {
	for _, durability := range []memory.Durability{memory.DurabilitySync, memory.DurabilityAsync} {
		t.Run(string(durability), func(t *testing.T) {
			leaksNothing(t)
			o := memory.Options{Dir: filepath.Join(t.TempDir(), "made", "on", "demand"), Durability: durability}
			s := open(t, o)
			require.True(t, s.Recovery().Fresh)
			putMany(t, s, "/a/", 100)
			done := make(answers, 4)
			s.Write(background, &datastore.Write{Op: datastore.Merge, Path: []byte("/a/1"), Data: []byte(`{"m":1}`), Now: 2000, User: "eve"}, done)
			s.Write(background, &datastore.Write{Op: datastore.Increment, Path: []byte("/ü/*"), Gauge: "g", By: 1, Now: -5}, done)
			s.Remove(background, &datastore.Query{Pattern: []byte("/a/2*")}, done)
			s.Write(background, putWrite("/a/2", `{"again":1}`), done)
			for range 4 {
				require.NoError(t, done.next(t).err)
			}
			before := everything(t, s)
			stats := s.Stats()
			require.NoError(t, s.Close())

			s = open(t, o)
			require.Equal(t, before, everything(t, s))
			r := s.Recovery()
			require.True(t, r.Clean)
			require.False(t, r.Fresh)
			require.EqualValues(t, len(before), r.Documents)
			require.Equal(t, stats.Bytes, r.Bytes)
			require.Zero(t, r.Dropped)
			require.Positive(t, r.Duration)
			require.Contains(t, r.String(), "closed cleanly")
			require.Equal(t, stats.Bytes, s.Stats().Bytes)
			require.Positive(t, s.Stats().DiskBytes)
			require.NoError(t, s.Close())
		})
	}
}

// TestTheDiskSeesWritesInTheOrderOfMemory lets goroutines write to the same
// paths at the same time, through a queue that is often full.
func TestTheDiskSeesWritesInTheOrderOfMemory(t *testing.T) {
	const rounds, paths = 1000, 20
	o := memory.Options{Dir: t.TempDir(), QueueBytes: 32 << 10, Durability: memory.DurabilityAsync}
	s := open(t, o)
	done := make(answers, 4*paths)
	for round := range rounds {
		var group sync.WaitGroup
		for g := range 4 {
			group.Go(func() { // together through the same paths
				for i := range paths {
					path := fmt.Sprintf("/%d/%d", round, i)
					switch (g + i + round) % 5 {
					case 0:
						s.Remove(background, &datastore.Query{Pattern: []byte(path)}, done)
					case 1:
						s.Write(background, &datastore.Write{Op: datastore.Merge, Path: []byte(path), Data: fmt.Appendf(nil, `{"m%d":1}`, g)}, done)
					default:
						s.Write(background, putWrite(path, fmt.Sprintf(`{"put":%d}`, g)), done)
					}
				}
			})
		}
		group.Wait()
		for range 4 * paths {
			require.NoError(t, done.next(t).err)
		}
	}
	before := everything(t, s)
	require.NoError(t, s.Close())
	require.Equal(t, before, everything(t, open(t, o)))
}

func TestLargeDocuments(t *testing.T) {
	o := memory.Options{Dir: t.TempDir()}
	s := open(t, o)
	large := `{"text":"` + strings.Repeat("0123456789", 1<<20) + `"}` // more than pebble takes into a memtable
	for i := range 3 {
		put(t, s, fmt.Sprintf("/large/%d", i), large)
		put(t, s, fmt.Sprintf("/small/%d", i), `{}`)
	}
	require.NoError(t, s.Close())
	s = open(t, o)
	require.Equal(t, 6, count(t, s, "*"))
	doc, err := s.Get(background, []byte("/large/2"))
	require.NoError(t, err)
	require.Equal(t, large, string(doc.Data))
}

func TestNothingIsKeptWithDurabilityNone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "unused")
	s := open(t, memory.Options{Dir: dir, Durability: memory.DurabilityNone})
	put(t, s, "/a", `{}`)
	require.Equal(t, memory.Stats{Documents: 1, Bytes: 7}, s.Stats())
	require.NoError(t, s.Close())
	require.NoDirExists(t, dir)
}

// TestATornWriteLosesOnlyItself cuts and dirties the end of the log of a store
// that has crashed, at many places.
func TestATornWriteLosesOnlyItself(t *testing.T) {
	leaksNothing(t)
	dir := t.TempDir()
	s := open(t, memory.Options{Dir: dir})
	putMany(t, s, "/safe/", 50)
	safe := logEnd(t, newestLog(t, dir))
	const torn = 20
	for i := range torn {
		put(t, s, fmt.Sprintf("/torn/%02d", i), `{"text":"`+strings.Repeat("x", 100*i)+`"}`)
	}
	crashed := t.TempDir()
	require.NoError(t, os.CopyFS(crashed, os.DirFS(dir)))
	require.NoError(t, s.Close())
	log := newestLog(t, crashed)
	end := logEnd(t, log)

	check := func(t *testing.T, change func(log []byte) []byte) memory.Recovery {
		image := t.TempDir()
		require.NoError(t, os.CopyFS(image, os.DirFS(crashed)))
		file := filepath.Join(image, filepath.Base(log))
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(file, change(content[:end]), 0o600))

		s := open(t, memory.Options{Dir: image})
		require.Equal(t, 50, count(t, s, "/safe/*"))
		n := count(t, s, "/torn/*")
		for i := range torn {
			doc, err := s.Get(background, fmt.Appendf(nil, "/torn/%02d", i))
			require.NoError(t, err)
			require.Equal(t, i < n, doc != nil, "the writes before a torn one are kept, those after it are not")
		}
		put(t, s, "/after", `{}`)
		before := everything(t, s)
		recovery := s.Recovery()
		require.False(t, recovery.Clean)
		require.EqualValues(t, 50+n, recovery.Documents)
		require.NoError(t, s.Close())
		require.Equal(t, before, everything(t, open(t, memory.Options{Dir: image})))
		return recovery
	}

	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	t.Run("whole", func(t *testing.T) {
		r := check(t, func(log []byte) []byte { return log })
		require.EqualValues(t, 50+torn, r.Documents)
		require.Zero(t, r.Dropped)
		require.Contains(t, r.String(), "recovered after a crash")
	})
	t.Run("cut", func(t *testing.T) {
		dropped := int64(0)
		for range 15 {
			at := safe + random.Int64N(end-safe)
			dropped += check(t, func(log []byte) []byte { return log[:at] }).Dropped
		}
		require.Positive(t, dropped)
	})
	t.Run("cut before the last byte", func(t *testing.T) {
		r := check(t, func(log []byte) []byte { return log[:len(log)-1] })
		require.EqualValues(t, 50+torn-1, r.Documents)
		require.Greater(t, r.Dropped, int64(100*(torn-1)))
		require.Less(t, r.Dropped, int64(100*(torn+1)))
	})
	t.Run("end full of zeros", func(t *testing.T) {
		check(t, func(log []byte) []byte { return append(log[:len(log)-50:len(log)-50], make([]byte, 4096)...) })
	})
	t.Run("end full of noise", func(t *testing.T) {
		for range 5 {
			noise := make([]byte, 50+random.IntN(100))
			for i := range noise {
				noise[i] = byte(random.Uint32())
			}
			check(t, func(log []byte) []byte { return append(log[:len(log)-50:len(log)-50], noise...) })
		}
	})
}

func TestDamageThatIsNotATornWriteIsReported(t *testing.T) {
	dir := t.TempDir()
	s := open(t, memory.Options{Dir: dir})
	for i := range 50 {
		put(t, s, fmt.Sprintf("/d/%d", i), `{"text":"`+strings.Repeat("x", 3000)+`"}`)
	}
	crashed := t.TempDir()
	require.NoError(t, os.CopyFS(crashed, os.DirFS(dir)))
	log := newestLog(t, crashed)
	content, err := os.ReadFile(log)
	require.NoError(t, err)
	content[40<<10] ^= 0xff
	require.NoError(t, os.WriteFile(log, content, 0o600))

	_, err = memory.Open(memory.Options{Dir: crashed})
	require.ErrorContains(t, err, crashed)
	require.ErrorContains(t, err, "restore it from a backup")
}

func TestFoldersOfOthersAreLeftAlone(t *testing.T) {
	leaksNothing(t)
	for name, c := range map[string]struct {
		key, value, want string
	}{
		"a newer program":  {"hformat", "\x02", "newer version of this program"},
		"another database": {"some", "value", "database of another program"},
		"a newer document": {"d/path", "\x03", "newer version of this program"},
		"a damaged one":    {"d/path", "\x01", `document "/path"`},
		"a damaged tag":    {"d/path", "\x02\x00\x00\x00\x05tag", "the tag is damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if c.key[0] == 'd' {
				require.NoError(t, open(t, memory.Options{Dir: dir}).Close())
			}
			db, err := pebble.Open(dir, &pebble.Options{Logger: silent{}})
			require.NoError(t, err)
			require.NoError(t, db.Set([]byte(c.key), []byte(c.value), pebble.Sync))
			require.NoError(t, db.Close())
			for range 2 {
				_, err = memory.Open(memory.Options{Dir: dir})
				require.ErrorContains(t, err, dir)
				require.ErrorContains(t, err, c.want)
			}
		})
	}
}

func TestTheFormatOnDiskStays(t *testing.T) {
	dir := t.TempDir()
	s := open(t, memory.Options{Dir: dir})
	put(t, s, "/a", `{"x":1}`)
	done := make(answers, 1)
	tagged := putWrite("/t", `{"x":2}`)
	tagged.Tag = "one"
	s.Write(background, tagged, done)
	require.NoError(t, done.next(t).err)
	before := everything(t, s)
	require.NoError(t, s.Close())
	again := open(t, memory.Options{Dir: dir})
	require.Equal(t, before, everything(t, again))
	require.NoError(t, again.Close())
	db, err := pebble.Open(dir, &pebble.Options{Logger: silent{}})
	require.NoError(t, err)
	defer db.Close()
	for key, want := range map[string]string{
		"hformat": "\x01",
		"hclean":  "",
		"d/a":     "\x01\xd0\x0f\x00\x03bob" + `{"x":1}`,
		"d/t":     "\x02\xd0\x0f\x00\x03bob\x03one" + `{"x":2}`,
	} {
		value, closer, err := db.Get([]byte(key))
		require.NoError(t, err, key)
		require.Equal(t, want, string(value), key)
		require.NoError(t, closer.Close())
	}
}

func TestAsyncSyncsAtIntervals(t *testing.T) {
	var syncs atomic.Int64
	counter := errorfs.InjectorFunc(func(op errorfs.Op) error {
		if strings.HasSuffix(op.Path, ".log") && (op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData) {
			syncs.Add(1)
		}
		return nil
	})
	o := memory.Options{Dir: t.TempDir(), Durability: memory.DurabilityAsync, SyncInterval: 50 * time.Millisecond}
	s := open(t, o.WithFS(errorfs.Wrap(vfs.Default, counter)))
	synced := func(before int64) {
		t.Helper()
		require.Eventually(t, func() bool { return syncs.Load() > before }, 10*time.Second, time.Millisecond)
	}
	for range 3 {
		before := syncs.Load()
		put(t, s, "/a", `{}`)
		synced(before)
		before = syncs.Load()
		put(t, s, "/a", `{}`) // so soon after a sync that this one is left to the clock
		synced(before)

		before = syncs.Load()
		pace := time.NewTicker(time.Millisecond)
		for range 100 { // few, since the injector does not see into recycled logs
			put(t, s, "/a", `{}`)
			<-pace.C
		}
		pace.Stop()
		synced(before)
		require.Less(t, syncs.Load()-before, int64(20), "100 writes")
	}
}

// everything returns all documents.
func everything(t testing.TB, s *memory.Store) []*datastore.Document {
	t.Helper()
	var docs []*datastore.Document
	require.NoError(t, s.Find(background, &datastore.Query{Pattern: []byte("*")}, func(doc *datastore.Document) bool {
		docs = append(docs, doc)
		return true
	}))
	return docs
}

// newestLog returns the file that a store writes its log to.
func newestLog(t testing.TB, dir string) string {
	t.Helper()
	logs, err := fs.Glob(os.DirFS(dir), "*.log")
	require.NoError(t, err)
	require.NotEmpty(t, logs)
	return filepath.Join(dir, logs[len(logs)-1])
}

// logEnd returns where the zeros begin that a log is made larger with.
func logEnd(t testing.TB, file string) int64 {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	return int64(len(bytes.TrimRight(content, "\x00")))
}

// silent is a pebble logger that says nothing.
type silent struct{}

func (silent) Infof(string, ...any)  {}
func (silent) Errorf(string, ...any) {}
func (silent) Fatalf(format string, args ...any) {
	panic(fmt.Sprintf(format, args...))
}

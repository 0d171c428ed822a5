package memory_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/memory"
)

// fault is a disk that can be told to refuse what is written to the log.
type fault struct {
	kinds map[errorfs.OpKind]bool
	on    atomic.Bool
	hold  chan struct{} // if set, syncs wait for it
}

func (f *fault) options(dir string) memory.Options {
	inject := errorfs.InjectorFunc(func(op errorfs.Op) error {
		if !strings.HasSuffix(op.Path, ".log") {
			return nil
		}
		if f.hold != nil && f.on.Load() && (op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSync) {
			<-f.hold
			return nil
		}
		if f.on.Load() && f.kinds[op.Kind] {
			return syscall.ENOSPC
		}
		return nil
	})
	return memory.Options{Dir: dir}.WithFS(errorfs.Wrap(vfs.Default, inject))
}

func TestAFailedCommitStopsTheStore(t *testing.T) {
	for name, kinds := range map[string]map[errorfs.OpKind]bool{
		"sync":  {errorfs.OpFileSync: true, errorfs.OpFileSyncData: true, errorfs.OpFileSyncTo: true, errorfs.OpFileFlush: true},
		"write": {errorfs.OpFileWrite: true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			f := &fault{kinds: kinds}
			s := open(t, f.options(dir))
			put(t, s, "/good", `{"v":1}`)

			f.on.Store(true)
			done := make(answers, 100)
			for range cap(done) {
				s.Write(background, putWrite("/good", `{"v":2}`), done)
			}
			for range cap(done) {
				got := done.next(t)
				require.ErrorIs(t, got.err, memory.ErrFailed)
				require.ErrorIs(t, got.err, syscall.ENOSPC)
				require.Nil(t, got.doc)
			}

			require.ErrorIs(t, s.Check(background), memory.ErrFailed)
			_, err := s.Get(background, []byte("/good"))
			require.ErrorIs(t, err, memory.ErrFailed, "memory holds a value that the disk refused")
			q := &datastore.Query{Pattern: []byte("/*")}
			require.ErrorIs(t, s.Find(background, q, func(*datastore.Document) bool { return true }), memory.ErrFailed)
			_, err = s.Count(background, q)
			require.ErrorIs(t, err, memory.ErrFailed)
			f.on.Store(false)
			s.Write(background, putWrite("/later", `{}`), done)
			require.ErrorIs(t, done.next(t).err, memory.ErrFailed)
			s.Remove(background, q, done)
			require.ErrorIs(t, done.next(t).err, memory.ErrFailed)
			require.ErrorIs(t, s.Close(), memory.ErrFailed)
			_, err = s.Get(background, []byte("/good"))
			require.ErrorIs(t, err, datastore.ErrClosed)
		})
	}
}

func TestCheckTellsThatTablesCannotBeWritten(t *testing.T) {
	var on atomic.Bool
	inject := errorfs.InjectorFunc(func(op errorfs.Op) error {
		if on.Load() && op.Kind == errorfs.OpCreate && strings.HasSuffix(op.Path, ".sst") {
			return syscall.ENOSPC
		}
		return nil
	})
	dir := t.TempDir()
	s := open(t, memory.Options{Dir: dir}.WithFS(errorfs.Wrap(vfs.Default, inject)))
	require.NoError(t, s.Check(background))
	on.Store(true)
	large := `{"text":"` + strings.Repeat("x", 50_000) + `"}`
	require.Eventually(t, func() bool {
		put(t, s, "/a", large)
		return s.Check(background) != nil
	}, 10*time.Second, time.Millisecond)
	err := s.Check(background)
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.ErrorContains(t, err, dir)
	on.Store(false)
	require.Eventually(t, func() bool { return s.Check(background) == nil }, 10*time.Second, time.Millisecond)
	put(t, s, "/b", "{}")
	require.NoError(t, s.Close())
	require.Equal(t, 2, count(t, open(t, memory.Options{Dir: dir}), "*"))
}

func TestAFullQueueHoldsWritersBack(t *testing.T) {
	f := &fault{hold: make(chan struct{})}
	o := f.options(t.TempDir())
	o.QueueBytes = 10 << 10
	s := open(t, o)
	f.on.Store(true)

	done := make(answers, 10000)
	for s.Stats().QueuedBytes < int64(o.QueueBytes) {
		s.Write(background, putWrite("/q", `{"v":1}`), done)
	}
	require.Empty(t, done, "a write was answered before its sync")

	ctx, cancel := context.WithTimeout(background, 20*time.Millisecond)
	defer cancel()
	gaveUp := make(answers, 1)
	s.Write(ctx, putWrite("/given-up", `{}`), gaveUp)
	doc, err := s.Get(background, []byte("/given-up"))
	require.NoError(t, err)
	require.Nil(t, doc, "a write that gave up was carried out")

	waited := make(chan struct{})
	go func() {
		defer close(waited)
		s.Write(background, putWrite("/waited", `{}`), done)
	}()
	select {
	case <-waited:
		require.Fail(t, "a writer was let in although the queue is full")
	case <-time.After(20 * time.Millisecond):
	}

	f.on.Store(false)
	close(f.hold)
	<-waited
	require.NoError(t, s.Close())
	require.ErrorIs(t, gaveUp.next(t).err, context.DeadlineExceeded)
	for len(done) > 0 {
		require.NoError(t, done.next(t).err)
	}
}

func TestRemovingManyWaitsForRoom(t *testing.T) {
	o := memory.Options{Dir: t.TempDir(), QueueBytes: 1 << 10}
	s := open(t, o)
	putMany(t, s, "/r/", 500)
	done := make(answers, 1)
	s.Remove(background, &datastore.Query{Pattern: []byte("/r/*")}, done)
	got := done.next(t)
	require.NoError(t, got.err)
	require.Equal(t, 500, got.n)
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Run("another process", func(t *testing.T) {
		dir := t.TempDir()
		open(t, memory.Options{Dir: dir})
		_, err := memory.Open(memory.Options{Dir: dir})
		require.ErrorContains(t, err, dir)
		require.ErrorContains(t, err, "another process uses it")
	})
	t.Run("options", func(t *testing.T) {
		_, err := memory.Open(memory.Options{})
		require.ErrorContains(t, err, "needs a folder")
		_, err = memory.Open(memory.Options{Dir: t.TempDir(), Durability: "fast"})
		require.ErrorContains(t, err, `durability "fast" is unknown`)
		_, err = memory.Open(memory.Options{Dir: t.TempDir(), QueueBytes: -1})
		require.ErrorContains(t, err, "negative")
	})
	t.Run("a disk that refuses", func(t *testing.T) {
		refuse := errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData {
				return errors.New("input/output error")
			}
			return nil
		})
		dir := t.TempDir()
		_, err := memory.Open(memory.Options{Dir: dir}.WithFS(errorfs.Wrap(vfs.Default, refuse)))
		require.ErrorContains(t, err, dir)
		require.ErrorContains(t, err, "input/output error")
	})
}

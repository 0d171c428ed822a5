package memory_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/memory"
)

var background = context.Background()

// answer is what a callback said.
type answer struct {
	doc *datastore.Document
	n   int
	err error
}

// answers receives callbacks; it must have room for all.
type answers chan answer

func (a answers) Written(doc *datastore.Document, err error) { a <- answer{doc: doc, err: err} }
func (a answers) Removed(n int, err error)                   { a <- answer{n: n, err: err} }

func (a answers) next(t testing.TB) answer {
	t.Helper()
	select {
	case got := <-a:
		return got
	case <-time.After(30 * time.Second):
		require.FailNow(t, "the store did not call back")
		return answer{}
	}
}

// leaksNothing fails the test if it leaves goroutines behind. Call it first.
func leaksNothing(t *testing.T) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

func open(t testing.TB, o memory.Options) *memory.Store {
	t.Helper()
	s, err := memory.Open(o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() }) // the test looks at the error where it matters
	return s
}

func putWrite(path, data string) *datastore.Write {
	return &datastore.Write{Op: datastore.Put, Path: []byte(path), Data: []byte(data), Now: 1000, User: "bob"}
}

func put(t testing.TB, s *memory.Store, path, data string) {
	t.Helper()
	done := make(answers, 1)
	s.Write(background, putWrite(path, data), done)
	require.NoError(t, done.next(t).err)
}

// putMany stores n documents under prefix and waits for all.
func putMany(t testing.TB, s *memory.Store, prefix string, n int) {
	t.Helper()
	done := make(answers, n)
	for i := range n {
		s.Write(background, putWrite(fmt.Sprintf("%s%d", prefix, i), fmt.Sprintf(`{"i":%d}`, i)), done)
	}
	for range n {
		require.NoError(t, done.next(t).err)
	}
}

func count(t testing.TB, s *memory.Store, pattern string) int {
	t.Helper()
	n, err := s.Count(background, &datastore.Query{Pattern: []byte(pattern)})
	require.NoError(t, err)
	return n
}

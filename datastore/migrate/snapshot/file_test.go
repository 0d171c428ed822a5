package snapshot_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/memory"
	"github.com/happn-host/happn-host/datastore/migrate"
	"github.com/happn-host/happn-host/datastore/migrate/snapshot"
)

func open(t *testing.T) *memory.Store {
	t.Helper()
	s, err := memory.Open(memory.Options{Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func all(t *testing.T, s datastore.Store) (docs []*datastore.Document) {
	t.Helper()
	require.NoError(t, s.Find(t.Context(), &datastore.Query{Pattern: []byte("*")}, func(d *datastore.Document) bool {
		docs = append(docs, d)
		return true
	}))
	return docs
}

// taken is a store with documents, and a backup of it.
func taken(t *testing.T, n int) (*memory.Store, []byte) {
	t.Helper()
	s := open(t)
	var docs []*datastore.Document
	for i := range n {
		docs = append(docs, &datastore.Document{
			Path: fmt.Sprintf("/many/%04d", i), Data: fmt.Appendf(nil, `{"i":%d}`, i), Created: 1000, Modified: int64(2000 + i), ModifiedBy: "bob", Tag: "t",
		})
	}
	require.NoError(t, s.Import(t.Context(), docs))
	var text bytes.Buffer
	_, err := s.Backup(t.Context(), &text)
	require.NoError(t, err)
	return s, text.Bytes()
}

func file(t *testing.T, text []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "default.happn")
	require.NoError(t, os.WriteFile(name, text, 0o600))
	return name
}

func TestABackupIsCopiedAsItIs(t *testing.T) {
	from, text := taken(t, 1200)
	name := file(t, text)
	source, err := snapshot.Open(t.Context(), name)
	require.NoError(t, err)
	to := open(t)
	var read int64
	report, err := migrate.Run(t.Context(), migrate.Options{Source: source, Target: to, Verify: true, Progress: func(p migrate.Progress) { read = p.Read }})
	require.NoError(t, err)
	require.Equal(t, all(t, from), all(t, to))
	require.Equal(t, [3]int64{1200, 1200, 1200}, [3]int64{report.Origin.Documents, report.Stored, report.Verified})
	require.LessOrEqual(t, read, report.Origin.Bytes)
	require.Positive(t, read)

	require.NoError(t, os.WriteFile(name, append(text[:len(text)-1:len(text)-1], text[len(text)-1]^1), 0o600))
	_, err = migrate.Run(t.Context(), migrate.Options{Source: source, Target: to})
	require.ErrorIs(t, err, memory.ErrBackup, "it has changed since it was opened")
	require.NoError(t, source.Close())
}

func TestADamagedBackupIsNotOpened(t *testing.T) {
	_, text := taken(t, 3)
	for name, damaged := range map[string][]byte{
		"cut off": text[:len(text)-40], "empty": {}, "longer": append(bytes.Clone(text), 0), "changed": bytes.Replace(text, []byte(`{"i":1}`), []byte(`{"i":7}`), 1),
	} {
		_, err := snapshot.Open(t.Context(), file(t, damaged))
		require.ErrorIs(t, err, memory.ErrBackup, name)
	}
	_, err := snapshot.Open(t.Context(), filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestABackupIsToldByHowItBegins(t *testing.T) {
	_, text := taken(t, 1)
	for name, c := range map[string]struct {
		text []byte
		is   bool
	}{"backup": {text, true}, "data file": {[]byte(`{"snapshot":"{}"}`), false}, "empty": {nil, false}, "short": {text[:5], false}} {
		is, err := snapshot.Is(file(t, c.text))
		require.NoError(t, err)
		require.Equal(t, c.is, is, name)
	}
	_, err := snapshot.Is(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

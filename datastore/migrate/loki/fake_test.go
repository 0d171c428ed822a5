package loki_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore/migrate"
	"github.com/happn-host/happn-host/datastore/migrate/loki"
)

// database is the text of a database with these documents, as happn-3 has it.
func database(docs ...string) string {
	return `{"filename":"loki.db","collections":[{"name":"happn","data":[` + strings.Join(docs, ",") +
		`],"idIndex":null,"binaryIndices":{"path":{"name":"path","dirty":false,"values":[0,1]}},"constraints":null},` +
		`{"name":"archives","data":[],"idIndex":null}],"databaseVersion":1.5}`
}

// line is the line of a snapshot.
func line(database string) string {
	raw, _ := json.Marshal(map[string]string{"snapshot": database})
	return string(raw) + "\r\n"
}

// stored is a document in a database.
func stored(path, data string, created int) string {
	return fmt.Sprintf(`{"path":%q,"data":%s,"created":%d,"modified":%d,"meta":{"revision":0,"created":5,"version":0},"$loki":1}`,
		path, data, created, created+1)
}

// did is the line of an operation.
func did(kind, arguments string) string {
	return fmt.Sprintf(`{"operation":{"operationType":%q,"arguments":%s}}`+"\r\n", kind, arguments)
}

func write(t testing.TB, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "happn.db")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

// read returns what a file holds: a text for each document, in order.
func read(t testing.TB, f *loki.File) []string {
	t.Helper()
	got := []string{}
	require.NoError(t, f.Documents(t.Context(), func(item migrate.Item) error {
		if item.Fault != "" {
			got = append(got, fmt.Sprintf("%s! %s: %s", item.Doc.Path, item.Place, item.Fault))
			return nil
		}
		d := item.Doc
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %d-%d %s", d.Path, d.Data, d.Created, d.Modified, d.ModifiedBy)))
		return nil
	}))
	return got
}

func open(t testing.TB, file string, o loki.Options) *loki.File {
	t.Helper()
	f, err := loki.Open(t.Context(), file, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return f
}

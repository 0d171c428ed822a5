package loki_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore/migrate"
	"github.com/happn-host/happn-host/datastore/migrate/loki"
)

// FuzzOpen: whatever a file holds, it is read or refused, and what is read is
// JSON.
func FuzzOpen(f *testing.F) {
	whole := line(database(stored("/a", `{"x":[1,"\"ü\\"]}`, 1000), stored("/b", `{}`, 1)))
	operations := did("UPSERT", `["/a",{"data":{"v":2},"_meta":{"path":"/a"}},{"merge":true}]`) + did("INCREMENT", `["/g","c",2]`) +
		did("REMOVE", `["/*",{"data.x":{"$gt":1}}]`) + did("INSERT", `[{"path":"/i","data":{},"created":3}]`)
	f.Add([]byte(whole + operations))
	f.Add([]byte(whole[:len(whole)/2]))
	f.Add([]byte(whole + operations[:50]))
	f.Add([]byte(`{"snapshot":"{\"collections\":[{\"name\":\"happn\",\"data\":[1,[],{}]}]}"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := loki.Open(t.Context(), write(t, string(text)), loki.Options{SkipBroken: true})
		if err != nil {
			return
		}
		defer file.Close()
		_ = file.Documents(t.Context(), func(item migrate.Item) error {
			if item.Fault == "" {
				require.True(t, json.Valid(item.Doc.Data), "%q", item.Doc.Data)
			}
			return nil
		})
	})
}

package interop

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/tests/testhost"
)

// mongoTopics are the topics of the embedded store that say something about
// another one.
var mongoTopics = []string{"calls", "on", "off", "values", "search", "errors", "reconnect", "bulk", "content"}

// What MongoDB has no place for, and what FerretDB cannot do in addition.
var (
	excusedOnMongo = map[string]string{
		"lone surrogates, escaped as JSON.stringify does": "strings of BSON are UTF-8, which has no lone surrogates",
		"a bulk write stores and publishes each document": "this store does not write several documents as one",
		"every document of a bulk write is acknowledged":  "this store does not write several documents as one",
	}
	excusedOnFerret = map[string]string{
		"many requests at once are all answered": "FerretDB is atomic with one connection only, and too slow with it",
		"empty things":                           "FerretDB has no arrays in arrays",
	}
)

// onMongo returns the flags of a host whose documents are in a database of their
// own on the server.
func onMongo(t *testing.T, uri, database string) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "happn.yaml")
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, `data:
  stores:
    - name: main
      provider: mongodb
      default: true
      url: %q
      database: %s_%x
`, uri, database, time.Now().UnixNano()), 0o600))
	return []string{"--config", file}
}

func TestTheNPMClientSeesNoDifferenceOnMongoDB(t *testing.T) {
	if testhost.Reference() {
		t.Skip("the topics go to the reference server in the tests of its own store")
	}
	npm := testhost.NPMDir(t)
	uri, ferret := testhost.MongoFor(t)
	excused := maps.Clone(excusedOnMongo)
	if ferret {
		maps.Copy(excused, excusedOnFerret)
	}
	for _, topic := range mongoTopics {
		t.Run(topic, func(t *testing.T) {
			runTopicBut(t, excused, npm, topic, testhost.Start(t, testhost.Settings{Args: onMongo(t, uri, topic)}))
		})
	}
}

func TestTheNPMClientOnASecureServerOnMongoDB(t *testing.T) {
	if testhost.Reference() {
		t.Skip("the reference server has no management API to make users by")
	}
	uri, _ := testhost.MongoFor(t)
	secureTopic(t, onMongo(t, uri, "secure")...)
}

package frames

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/tests/testhost"
)

// stepsOnMongo is how many random requests are compared: FerretDB takes tens of
// milliseconds for one.
const stepsOnMongo = 150

// onMongo returns the flags of a host whose documents are in a database of their
// own on the server.
func onMongo(t *testing.T, uri string) []string {
	t.Helper()
	return []string{"--data.stores", fmt.Sprintf(`[{"name":"main","provider":"mongodb","default":true,"url":%q,"database":"frames_%x"}]`,
		uri, time.Now().UnixNano())}
}

// The recordings that are about documents, whoever keeps them: the others are
// about connections, or about stores of their own.
var scriptsOnMongo = []string{"01-basic", "02-search", "03-subscriptions", "04-variable-depth", "05-set-options", "06-consistency",
	"07-errors", "16-insecure-protocol-happn_1", "22-misc"}

// excusedOnFerret are recordings that FerretDB cannot replay, and why.
var excusedOnFerret = map[string]string{
	"04-variable-depth": `FerretDB leaves {"n":2} as it is when {"i":2} is set: it compares the values alone`,
}

func TestAHostOnMongoDBAnswersAsRecorded(t *testing.T) {
	skipReference(t)
	uri, ferret := testhost.MongoFor(t)
	replayed := 0
	for _, name := range scriptsOnMongo {
		for _, s := range scripts {
			if s.name != name {
				continue
			}
			replayed++
			s.settings.Name, s.settings.Args = serverName, onMongo(t, uri)
			t.Run(name, func(t *testing.T) {
				if why := excusedOnFerret[name]; ferret && why != "" {
					t.Skip(why)
				}
				run(t, s)
			})
		}
	}
	require.Equal(t, len(scriptsOnMongo), replayed, "each is there")
}

func TestRandomRequestsAreAnsweredAlikeOnMongoDB(t *testing.T) {
	skipReference(t)
	uri, _ := testhost.MongoFor(t)
	randomRequestsAreAnsweredAlike(t, stepsOnMongo, onMongo(t, uri)...)
}

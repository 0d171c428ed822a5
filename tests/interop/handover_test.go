package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/tests/testhost"
)

// mongoPackages are happn-3 and its provider for MongoDB.
var mongoPackages = []testhost.Package{
	{Name: "happn-3", Release: testhost.HappnVersion},
	{Name: "happn-db-provider-mongo", Release: "1.1.13"},
}

// staffOfHappn3 makes users and groups in the reference, which has no management
// API, and a document that they may not see.
const staffOfHappn3 = `
	const s = server.services.security;
	const staff = await s.groups.upsertGroup({ name: 'staff', custom_data: { floor: 3 }, permissions: {
		'/npm/*': { actions: ['get', 'set', 'on', 'remove'] }, '/npm/secret': { prohibit: ['*'] },
		'/own/{{user.username}}/*': { actions: ['*'] },
	} });
	const ann = await s.users.upsertUser({ username: 'ann', password: 'ann-password', custom_data: { age: 30 },
		permissions: { '/ann/*': { actions: ['get', 'set'] } } });
	const bob = await s.users.upsertUser({ username: 'bob', password: 'bob-password' });
	for (const user of [ann, bob]) await s.groups.linkGroup(staff, user);
	await s.lookupTables.upsertLookupTable({ name: 'looks', paths: ['x/1'] });
	await s.lookupTables.upsertLookupPermission('staff', { regex: '^/looked/(.*)', actions: ['get'], table: 'looks', path: '/x/{{$1}}' });`

// handover is one collection that several servers use, one after the other.
type handover struct {
	*testing.T
	npm, uri, database, state string
	secure                    bool
	excused                   map[string]string
}

const handoverCollection = "documents"

func (h *handover) reference(prepare string) testhost.Settings {
	security := map[string]any{"adminUser": map[string]any{"password": adminPassword}}
	return testhost.Settings{NPM: h.npm, Prepare: prepare, Config: map[string]any{"secure": h.secure, "services": map[string]any{
		"security": map[string]any{"config": security},
		"data": map[string]any{"config": map[string]any{"datastores": []any{map[string]any{
			"name": "main", "provider": "happn-db-provider-mongo", "isDefault": true,
			"settings": map[string]any{"url": h.uri, "database": h.database, "collection": handoverCollection},
		}}}},
	}}}
}

func (h *handover) host() *testhost.Server {
	h.Helper()
	file := filepath.Join(h.TempDir(), "happn.yaml")
	require.NoError(h, os.WriteFile(file, fmt.Appendf(nil,
		"data:\n  stores:\n    - {name: main, provider: mongodb, default: true, url: %q, database: %s, collection: %s}\n",
		h.uri, h.database, handoverCollection), 0o600))
	args := []string{"--config", file}
	if h.secure {
		args = append(args, "--secure=true", "--security.adminOverNetwork=true", "--security.token.compatTokens=true")
	}
	return testhost.Start(h.T, testhost.Settings{Args: args})
}

// phase runs the script against a server, and then stops that.
func (h *handover) phase(name string, server *testhost.Server) {
	h.Helper()
	environment := []string{"HAPPN_PHASE=" + name, "HAPPN_STATE=" + h.state, "ADMIN_PASSWORD=" + adminPassword,
		"MONGO_URL=" + h.uri, "MONGO_DATABASE=" + h.database, "MONGO_COLLECTION=" + handoverCollection}
	if h.secure {
		environment = append(environment, "HAPPN_SECURE=1")
	}
	h.Run(name, func(t *testing.T) { runTopicBut(t, h.excused, h.npm, "handover", server, environment...) })
	server.Terminate()
	server.WaitExit()
}

func TestACollectionGoesFromHappn3ToTheHostAndBack(t *testing.T) {
	if testhost.Reference() {
		t.Skip("starts both servers by itself")
	}
	npm := testhost.Packages(t, "happn-3-"+testhost.HappnVersion+"-mongo-1.1.13", mongoPackages...)
	uri, ferret := testhost.MongoFor(t)
	var excused map[string]string
	if ferret {
		excused = map[string]string{
			"arrays in arrays":            "FerretDB has no arrays in arrays",
			"names with dots and dollars": "FerretDB takes no such names, as MongoDB before release 5",
		}
	}
	for name, secure := range map[string]bool{"insecure": false, "secure": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := &handover{T: t, npm: npm, uri: uri, secure: secure, excused: excused,
				database: fmt.Sprintf("handover_%s_%x", name, time.Now().UnixNano()),
				state:    filepath.Join(t.TempDir(), "state.json")}
			prepare := ""
			if secure {
				prepare = staffOfHappn3
			}
			server := testhost.StartReference(t, h.reference(prepare))
			h.phase("before", server)
			host := h.host()
			h.phase("host", host)
			require.Contains(t, host.Output(), "every document is in MongoDB")
			require.NotContains(t, host.Output(), "cannot be reached", "a stop is no loss of the server")
			server.StartAgain(h.reference(""))
			h.phase("after", server)
		})
	}
}

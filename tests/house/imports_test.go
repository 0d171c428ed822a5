package house

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// keepers lists the modules that only some rooms may know. Everything below a
// named room counts as the room. Test files are free where tests is set.
var keepers = []struct {
	module string
	rooms  []string
	tests  bool
}{
	{"github.com/tetratelabs/wazero", []string{"host/plugin"}, true},
	{"github.com/extism/go-sdk", []string{"host/plugin"}, true},
	{"github.com/santhosh-tekuri/jsonschema", []string{"host/plugin/manifest", "plugins/examples/jsonschema"}, true},
	{"github.com/gorilla/websocket", []string{"host/transport", "client"}, true},
	{"github.com/knadh/koanf", []string{"host/config"}, false},
	{"go.mongodb.org/mongo-driver", []string{"datastore/mongo", "tests/testhost/replica"}, true},
	{"github.com/cockroachdb/pebble", []string{"datastore/memory"}, true},
	{"github.com/fsnotify/fsnotify", []string{"host/plugin", "host/config"}, false},
	{"github.com/prometheus/client_golang", []string{"host/metrics"}, true},
	{"github.com/robfig/cron/v3", []string{"host/plugin/hook"}, false},
	{"go.opentelemetry.io/otel", []string{"host/tracing"}, true},
	{"github.com/spf13/pflag", []string{"cmd"}, false},
	{"github.com/stretchr/testify", []string{"tests", "datastore/storetest"}, true},
	{"go.uber.org/goleak", []string{"tests"}, true},
}

func TestModulesAreKnownOnlyWhereTheyBelong(t *testing.T) {
	for _, s := range sources(t) {
		for _, imported := range s.imports {
			for _, k := range keepers {
				if within(imported, k.module) && !withinAny(s.room, k.rooms) && (!s.test || !k.tests) {
					assert.Failf(t, "import in the wrong room", "%s imports %s, which only %s may know",
						s.path, imported, strings.Join(k.rooms, ", "))
				}
			}
		}
	}
}

// rooms says which rooms of this module a room may import, and whether modules
// of others. The longest name that matches a folder counts. Test files may
// import more: what they test through, and test suites.
var rooms = []struct {
	room    string
	may     []string
	modules bool
}{
	{"abi", nil, false},
	{"plugins/sdk", []string{"abi", "plugins/sdk", "internal/rawjson"}, false},
	// What runs guests, or builds them, is never part of one.
	{"plugins/sdk/sdktest", []string{"abi", "plugins/sdk", "host", "client", "internal"}, true},
	{"plugins/examples/build", []string{"host/plugin/build"}, false},
	{"plugins/examples", []string{"abi", "plugins/sdk", "plugins/examples"}, false},
	{"plugins/examples/fulltext", []string{"abi", "plugins/sdk"}, true},   // Unicode's decompositions
	{"plugins/examples/jsonschema", []string{"abi", "plugins/sdk"}, true}, // JSON Schema
	{"internal", []string{"internal"}, true},
	{"cmd/happn-host/internal/bench", []string{"client", "internal"}, true},
	{"datastore", []string{"datastore", "internal"}, false},
	{"datastore/storetest", []string{"datastore", "internal"}, true},
	{"datastore/memory", []string{"datastore", "internal"}, true},
	{"datastore/mongo", []string{"datastore", "internal"}, true},
	{"security", []string{"security", "datastore", "internal"}, true},
	{"security/permit", []string{"security"}, false},
	{"security/directory", []string{"security", "datastore", "internal"}, false},
	{"client", []string{"client", "internal"}, true},
	{"host", []string{"abi", "host", "security", "datastore", "client", "internal"}, true},
	// Inside the host, from the bottom up.
	{"host/config", []string{"host/config", "internal"}, true},
	{"host/protocol", []string{"abi", "host/protocol", "internal"}, true},
	{"host/session", []string{"abi", "host/session", "host/protocol", "internal"}, true},
	{"host/pubsub", []string{"abi", "host/pubsub", "host/session", "host/protocol", "internal"}, true},
	{"host/pipeline", []string{"abi", "host/pipeline", "host/pubsub", "host/session", "host/protocol", "host/config",
		"host/tracing", "security", "datastore", "internal"}, true},
	{"host/browser", nil, false},
	{"host/metrics", nil, true},
	{"host/tracing", nil, true},
	{"host/transport", []string{"host/transport", "host/config", "internal"}, true},
	{"host/certificate", []string{"host/certificate", "host/config"}, true},
	{"host/admin", []string{"host/admin", "security"}, false},
	{"host/web", []string{"host/web", "host/transport", "host/config", "host/tracing", "internal"}, false},
	{"host/plugin", []string{"abi", "host/plugin", "host/pipeline", "host/config", "host/tracing", "internal"}, true},
	{"host/plugin/answer", []string{"abi", "internal/rawjson", "host/pipeline", "host/plugin/hook"}, false},
	{"host/plugin/arena", nil, false},
	{"host/plugin/folder", nil, false},
	{"host/plugin/hook", []string{"abi", "host/pipeline", "host/plugin/object", "host/plugin/pattern"}, true},
	{"host/plugin/journal", nil, false},
	{"host/plugin/ledger", nil, false},
	{"host/plugin/limit", []string{"abi", "host/plugin/meter", "host/plugin/object"}, false},
	{"host/plugin/manifest", []string{"host/plugin/hook", "host/plugin/limit", "host/plugin/object"}, true},
	{"host/plugin/metric", []string{"abi", "host/plugin/limit"}, false},
	{"host/plugin/object", nil, false},
	{"host/plugin/pattern", nil, false},
	{"host/plugin/secret", []string{"host/plugin/folder"}, false},
	{"cmd", []string{"cmd", "abi", "host", "client", "datastore", "security", "plugins/sdk", "internal"}, true},
	{"tests/plugins", []string{"tests", "client", "host/plugin/build"}, true},
	{"tests/hostile", []string{"tests", "client", "host/plugin/hostile"}, true},
	{"tests/interop", []string{"tests", "client"}, true},
	{"tests", []string{"tests"}, true},
}

func TestRoomsImportDownwardsOnly(t *testing.T) {
	for _, s := range sources(t) {
		if s.test && !within(s.room, "tests") {
			continue
		}
		best := -1
		for i, r := range rooms {
			if within(s.room, r.room) && (best < 0 || len(r.room) > len(rooms[best].room)) {
				best = i
			}
		}
		if best < 0 {
			assert.Failf(t, "unknown room", "%s lies in a folder that has no rule here", s.path)
			continue
		}
		for _, imported := range s.imports {
			checkImport(t, s, imported, rooms[best].may, rooms[best].modules)
		}
	}
}

func checkImport(t *testing.T, s source, imported string, may []string, modules bool) {
	t.Helper()
	ours, internal := strings.CutPrefix(imported, module+"/")
	switch {
	case internal && !withinAny(ours, may):
		assert.Failf(t, "import against the direction", "%s imports %s", s.path, ours)
	case !internal && isModule(imported) && !modules:
		assert.Failf(t, "import of a module", "%s imports %s; this room lives on the standard library", s.path, imported)
	}
}

// isModule tells a module's path, which starts with a host name, from the
// standard library.
func isModule(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return strings.Contains(first, ".")
}

// rooms below host know neither the host that wires them nor the command.
func TestNobodyBelowTheHostKnowsIt(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || !strings.HasPrefix(s.room, "host/") {
			continue
		}
		assert.NotContains(t, s.imports, module+"/host", s.path)
		assert.NotContains(t, s.imports, module+"/client", s.path)
	}
}

package frames

import (
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/happn-host/happn-host/tests/testhost"
)

func TestMain(m *testing.M) { os.Exit(testhost.Main(m)) }

const (
	pingInterval = 400 * time.Millisecond // of the recording
	ackTimeout   = 700 * time.Millisecond // of the recording
)

const embedderOnly = "the server's own code ended this session; a client cannot ask for it"

var scripts = []script{
	{name: "01-basic"},
	{name: "02-search", anyOrder: map[int]string{
		39: "two documents were created in the same millisecond",
	}},
	{name: "03-subscriptions"},
	{name: "04-variable-depth"},
	{name: "05-set-options"},
	{name: "06-consistency", settings: testhost.Settings{AckTimeout: ackTimeout}, lost: map[int]string{
		85: "the recording proxy lost this ack on purpose",
	}},
	{name: "07-errors"},
	{name: "08-heartbeats", settings: testhost.Settings{PingInterval: pingInterval}},
	{name: "09-clean-disconnect", skip: map[int]string{3: embedderOnly, 4: embedderOnly}},
	{name: "10-server-shutdown-reconnect-true", notes: map[string]func(*testhost.Server){
		"server.stop() (reconnect default true)": (*testhost.Server).Terminate,
		"server restarted":                       restartWithoutReconnect,
		"stop":                                   (*testhost.Server).Terminate,
	}},
	{name: "11-server-shutdown-reconnect-false", settings: testhost.Settings{NoReconnect: true},
		notes: map[string]func(*testhost.Server){"server.stop({reconnect:false})": (*testhost.Server).Terminate}},
	{name: "16-insecure-protocol-happn_1"},
	{name: "16-insecure-protocol-happn_2"},
	{name: "16-insecure-protocol-happn_3"},
	{name: "16-insecure-protocol-happn_4"},
	{name: "19-datastores", settings: testhost.Settings{Args: severalStores, Config: severalStoresOfTheReference}},
	{name: "22-misc"},
}

// The stores of the recording: the default one, and one for these paths.
var (
	severalStores               = []string{"--data.stores", `[{"name":"file","provider":"memory","patterns":["/file/*","/mix/keep"]}]`}
	severalStoresOfTheReference = map[string]any{"services": map[string]any{"data": map[string]any{"config": map[string]any{
		"datastores": []any{
			map[string]any{"name": "mem", "provider": "memory", "isDefault": true},
			map[string]any{"name": "file", "provider": "memory", "patterns": []string{"/file/*", "/mix/keep"}},
		},
	}}}}
)

func restartWithoutReconnect(s *testhost.Server) {
	s.WaitExit()
	s.StartAgain(testhost.Settings{Name: serverName, NoReconnect: true})
}

// serverName is the name of the recorded server.
const serverName = "server1"

func TestTheServerAnswersAsRecorded(t *testing.T) {
	for _, s := range scripts {
		s.settings.Name = serverName
		t.Run(s.name, func(t *testing.T) {
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
			t.Run("replay", func(t *testing.T) { run(t, s) })
		})
	}
}

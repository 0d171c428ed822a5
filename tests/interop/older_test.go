package interop

import (
	"testing"

	"github.com/happn-host/happn-host/tests/testhost"
)

// olderClients are releases of happn-3 whose clients speak the older protocols,
// by the name under which they are installed.
var olderClients = []testhost.Package{
	{Name: "happn-3", As: "happn-3-3", Release: "3.1.1"},
	{Name: "happn-3", As: "happn-3-7", Release: "7.3.2"},
	{Name: "happn-3", As: "happn-3-10", Release: "10.6.0"},
	{Name: "happn-3", As: "happn-3-11", Release: "11.11.0"},
}

func TestOlderClientsWork(t *testing.T) {
	if testhost.Reference() {
		t.Skip("the reference server has no tags, no siblings and no protocol of the oldest clients")
	}
	npm := testhost.Packages(t, "happn-3-older-11.11.0", olderClients...)
	for _, c := range olderClients {
		t.Run(c.Release, func(t *testing.T) {
			server := testhost.Start(t, testhost.Settings{})
			runTopic(t, npm, "older", server, "HAPPN_CLIENT="+c.As, "HAPPN_CLIENT_VERSION="+c.Release)
		})
	}
}

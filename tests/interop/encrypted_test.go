package interop

import (
	"testing"

	"github.com/happn-host/happn-host/tests/testhost"
)

func TestOlderClientsEncrypt(t *testing.T) {
	if testhost.Reference() {
		t.Skip("the reference server has no encryption of payloads")
	}
	shared := testhost.Packages(t, "happn-3-older-11.11.0", olderClients...)
	// The library that 11.11.0 encrypts with refuses to run beside another release of itself.
	alone := testhost.Package{Name: "happn-3", Release: "11.11.0"}
	last := testhost.Packages(t, "happn-3-11.11.0", alone)
	later := testhost.NPMDir(t)
	for _, c := range olderClients {
		npm := shared
		if c.Release == alone.Release {
			npm, c.As = last, alone.Name
		}
		t.Run(c.Release, func(t *testing.T) {
			server := testhost.Start(t, testhost.Settings{Args: []string{
				"--secure=true", "--security.adminPassword=" + adminPassword, "--security.adminOverNetwork=true",
				"--security.payload.encrypt=true", "--security.password.pbkdf2Iterations=1000",
			}})
			runTopic(t, npm, "encrypted", server, "HAPPN_CLIENT="+c.As, "HAPPN_CLIENT_VERSION="+c.Release,
				"HAPPN_LATER="+later, "PASSWORD="+adminPassword, "NODE_NO_WARNINGS=1")
		})
	}
}

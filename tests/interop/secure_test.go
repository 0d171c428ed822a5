package interop

import (
	"testing"

	"github.com/happn-host/happn-host/tests/testhost"
)

const adminPassword = "an operator's own"

// profiles are those that the topic logs in by.
const profiles = `[
	{"name":"short","session":{"user.username":"short"},"policy":{"ttl":"1 second"}},
	{"name":"idle","session":{"user.username":"idle"},"policy":{"inactivity_threshold":1000}},
	{"name":"used","session":{"user.username":"used"},"policy":{"usage_limit":2}},
	{"name":"limited","session":{"user.username":"limited"},"policy":{"permissions":{"/lim/*":{"actions":["set"]}}}},
	{"name":"tokenless","session":{"user.username":"tokenless"},"policy":{"ttl":0,"disallowTokenLogins":true}}
]`

// TestTheNPMClientOnASecureServer goes through what the recordings 12 to 15, 18,
// 24 and 26 show, with users and groups that are made over the management API.
func TestTheNPMClientOnASecureServer(t *testing.T) {
	if testhost.Reference() {
		t.Skip("the reference server has no management API to make users by")
	}
	secureTopic(t)
}

func secureTopic(t *testing.T, args ...string) {
	t.Helper()
	server := testhost.Start(t, testhost.Settings{Args: append([]string{
		"--secure=true", "--security.adminPassword=" + adminPassword, "--security.adminOverNetwork=true",
		"--security.allowNestedPermissions=true", "--security.password.pbkdf2Iterations=1000", "--security.profiles=" + profiles,
	}, args...)})
	runTopic(t, testhost.NPMDir(t), "secure", server, "ADMIN_PASSWORD="+adminPassword)
}

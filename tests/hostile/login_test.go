package hostile

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/client"
	"github.com/happn-host/happn-host/host/plugin/hostile"
)

// Whoever logs in meets the hostile plugin, and so does another plugin that calls its
// service. Nobody gets in who should not, nor while the plugin fails; who was in
// before notices nothing; and without it everything is as it was.
func TestHostilePluginsOfLogins(t *testing.T) {
	const password = "an operator's own"
	admin := client.Options{Username: "_ADMIN", Password: password}
	m := start(t, "--secure=true", "--security.adminPassword="+password, "--security.adminOverNetwork=true",
		"--security.password.pbkdf2Iterations=1000", "--security.loginRate.perAddress=0", "--security.loginRate.perUser=0")
	m.user = admin
	first := m.connect()
	m.token = first.Session().Token
	m.put("caller.yaml", []byte("calls: [evil.do]\non_error: reject\n"))
	m.put("caller.wasm", hostile.Caller())
	m.await("caller.wasm", is("ready"))
	b := newBattery(m)
	b.logins = true
	b.warm()
	quiet := m.usage(b.others.clients[0])
	for _, module := range hostile.OfLogins() {
		t.Run(strings.ReplaceAll(module.Name, " ", "-"), func(t *testing.T) {
			m.t, b.module = t, module
			b.run(t, quiet)
			c, err := m.login(admin)
			require.NoError(t, err, "without the plugin all is well")
			require.NoError(t, c.Close())
		})
	}
	m.t = t
	b.others.settled()
}

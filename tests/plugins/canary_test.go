package plugins

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/client"
)

// do has the host do something to redact and returns its canary as it is then.
func (o *operator) do(method, what string) (canary state) {
	o.t.Helper()
	request, err := http.NewRequestWithContext(o.t.Context(), method, o.server.URL()+"/api/v1/plugins/redact"+what, nil)
	require.NoError(o.t, err)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(o.t, err)
	defer answer.Body.Close()
	require.Equal(o.t, http.StatusOK, answer.StatusCode)
	var plugin struct{ Canary state }
	require.NoError(o.t, json.NewDecoder(answer.Body).Decode(&plugin))
	return plugin.Canary
}

// Canaries come, are promoted and rolled back while messages flow: none is lost,
// none comes twice, none slips past the plugin, each publisher's stay in order.
func TestCanariesUnderLoadLoseNothing(t *testing.T) {
	o := start(t)
	// What a version masks with is read when it is loaded.
	mask := func(version int) { o.drop("mask", fmt.Appendf(nil, "v%d", version)) }
	o.drop("redact.yaml", []byte("config: {fields: [password], mask: {$file: mask}}\ncanary: {share: 50, minCalls: 1000000}\n"))
	mask(0)
	o.dropModule("redact")
	o.await(is("redact", "ready"))
	module, err := os.ReadFile(filepath.Join(modules, "redact.wasm"))
	require.NoError(t, err)
	const canaries = 5
	masks := o.underLoad(func(listener *client.Client) {
		for version := 1; version <= canaries; version++ {
			mask(version)
			o.drop("redact.canary.wasm", fmt.Appendf(module[:len(module):len(module)], "\x00\x09\x07version%d", version)) // a custom section
			require.Eventually(t, func() bool { return o.do(http.MethodGet, "").State == "ready" }, time.Minute, 10*time.Millisecond)
			for range 20 { // so that sessions see it
				_, err := listener.Set(t.Context(), "/probe", map[string]string{"password": "x"}, nil)
				require.NoError(t, err)
			}
			if version%3 == 0 {
				require.Equal(t, "rolled-back", o.do(http.MethodPost, "/rollback").State)
				o.remove("redact.canary.wasm")
				continue
			}
			require.Empty(t, o.do(http.MethodPost, "/promote").State)
			answer, err := listener.Set(t.Context(), "/probe", map[string]string{"password": "x"}, nil)
			require.NoError(t, err)
			require.JSONEq(t, fmt.Sprintf(`{"password":"v%d"}`, version), string(answer.Data))
		}
	})
	assert.Greater(t, len(masks), canaries/2, "messages passed through most of the versions: %v", masks)
}

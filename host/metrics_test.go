package host_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/config"
)

func TestMetricsShowWhatTheHostCounts(t *testing.T) {
	h := startCopying(t, copying, nil)
	c := connect(t, h)
	for range 20 {
		_, err := c.Set(context.Background(), "/a/1", 1, nil)
		require.NoError(t, err)
	}
	for _, line := range []string{
		"happn_sessions 1", `happn_plugin_state{plugin="copy",state="ready"} 1`, `happn_store_documents{store=`, "happn_ready 1",
		`happn_plugin_verdicts_total{generation="stable",hook="inbound",plugin="copy",verdict="pass"} 20`, `happn_plugin_traps_total{generation="stable",hook="event",plugin="copy"} 0`,
		`happn_plugin_duration_seconds_count{generation="stable",hook="inbound",plugin="copy"} 1`, "go_goroutines ", "happn_plugin_host_calls_total",
	} {
		// The only instance may be hearing of a write: what it counted shows when it has.
		eventually(t, func() bool {
			status, shown := text(t, h, "/metrics")
			require.Equal(t, http.StatusOK, status, shown)
			return strings.Contains(shown, "\n"+line)
		}, line)
	}
}

func TestMetricsOfASecureHostNeedAPermission(t *testing.T) {
	h := start(t, func(c *config.Config) { c.Secure = true })
	answer, err := http.Get("http://" + h.Addr().String() + "/metrics")
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, http.StatusUnauthorized, answer.StatusCode)
}

package host_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host"
	"github.com/happn-host/happn-host/host/config"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/limit"
)

func TestLimitsOfPluginsAreShownAndCounted(t *testing.T) {
	h := startCopying(t, copying, func(c *config.Config) {
		dir := c.Plugins.Dir
		c.Plugins.Default.ModuleMiB, c.Plugins.Default.HostCalls = 32, 77
		require.NoError(t, os.WriteFile(filepath.Join(dir, "large.yaml"), []byte("limits: {moduleMiB: 1}"), 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "large.wasm"), make([]byte, 1<<20+1), 0o600))
	})
	eventually(t, func() bool { return len(h.Plugins()) == 2 && h.Plugins()[1].State == plugin.StateRefused })
	var shown host.PluginRecord
	get := func(name string) {
		status, body := text(t, h, "/api/v1/plugins/"+name)
		require.Equal(t, http.StatusOK, status, body)
		shown = host.PluginRecord{}
		require.NoError(t, json.Unmarshal([]byte(body), &shown))
	}
	get("large")
	require.Equal(t, "the module has 1048577 bytes, above the limit of 1 MiB (limits.moduleMiB)", shown.Reason)
	require.Equal(t, map[string]uint64{"moduleMiB": 1}, shown.Limited)
	_, metrics := text(t, h, "/metrics")
	require.Contains(t, metrics, "\n"+`happn_plugin_limited_total{generation="stable",limit="moduleMiB",plugin="large"} 1`+"\n")

	get("copy")
	require.Empty(t, shown.Limited)
	require.Equal(t, 77, shown.Limits.HostCalls, "the configuration has the default")
	require.Equal(t, 32, shown.Limits.ModuleMiB)
	limits := reflect.ValueOf(shown.Limits)
	require.Equal(t, reflect.TypeFor[limit.Set]().NumField(), limits.NumField(), "every limit is shown")
	for n := range limits.NumField() {
		require.False(t, limits.Field(n).IsZero(), "%s is in force", limits.Type().Field(n).Name)
	}
}

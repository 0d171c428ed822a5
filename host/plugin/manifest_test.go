package plugin_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/limit"
	"github.com/happn-host/happn-host/host/plugin/manifest"
)

func TestAnOperatorFileWithAMistakeIsNotFollowed(t *testing.T) {
	f := open(t, nil)
	f.put("p.wasm", passes())
	for file, says := range map[string]string{
		"enabeld: false":            `p.yaml: enabeld: unknown key; did you mean "enabled"?`,
		"hooks: [{kind: outbound}]": "p.yaml: hooks: the module has no outbound hook",
	} {
		f.put("p.yaml", []byte(file))
		require.Equal(t, plugin.StateDegraded, f.only().State, "the version before goes on")
		require.Contains(t, f.only().Reason, says)
	}
}

func TestAModuleDoesNotRaiseItsOwnLimits(t *testing.T) {
	f := open(t, func(o *plugin.Options) { o.Limits = limit.Set{Instances: 2, MemoryMiB: 16} })
	f.put("p.wasm", withManifest(t, passes(), `{"limits":{"instances":50,"memoryMiB":8,"timeout":"10s"},"grants":["publish"]}`))
	info := f.only()
	require.Equal(t, 2, info.Limits.Instances)
	require.Equal(t, 8, info.Limits.MemoryMiB)
	require.Equal(t, 50*time.Millisecond, info.Limits.Timeout)
	require.Equal(t, []manifest.Grant{manifest.GrantLog}, info.Grants, "wanting is not having")

	f.put("p.yaml", []byte("limits: {memoryMiB: 32, timeout: 10s}\ngrants: [log, publish]"))
	info = f.only()
	require.Equal(t, 32, info.Limits.MemoryMiB)
	require.Equal(t, 10*time.Second, info.Limits.Timeout)
	require.Equal(t, []manifest.Grant{manifest.GrantLog, manifest.GrantPublish}, info.Grants)
}

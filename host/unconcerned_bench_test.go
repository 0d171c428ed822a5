package host_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/client"
	"github.com/happn-host/happn-host/host/config"
	"github.com/happn-host/happn-host/host/plugin"
)

// passing is a raw plugin whose inbound hook lets everything pass.
func passing() []byte {
	export := func(name string, kind, index byte) []byte {
		return append(append([]byte{byte(len(name))}, name...), kind, index)
	}
	section := func(id byte, content ...[]byte) []byte {
		all := slices.Concat(content...)
		return append([]byte{id, byte(len(all))}, all...)
	}
	return slices.Concat([]byte("\x00asm\x01\x00\x00\x00"),
		section(1, []byte{3, 0x60, 0, 0, 0x60, 1, 0x7f, 1, 0x7f, 0x60, 1, 0x7f, 1, 0x7e}), // types
		section(3, []byte{3, 0, 1, 2}), // functions
		section(5, []byte{1, 0, 1}),    // memory
		section(7, []byte{4}, export("memory", 2, 0), export("happn_abi_v1", 0, 0), export("happn_buf", 0, 1), export("happn_inbound", 0, 2)),
		section(10, []byte{
			3, 2, 0, 0x0b,
			5, 0, 0x41, 0x80, 0x20, 0x0b, // the buffer is at 4096
			12, 0, 0x42, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10, 0x0b, // PASS
		}))
}

// BenchmarkUnconcerned is what clients pay for plugins whose filters do not match
// their messages: gets and sets in process, without plugins and with ten. The last
// one is seen by one plugin, for comparison.
func BenchmarkUnconcerned(b *testing.B) {
	for _, c := range []struct {
		name    string
		plugins int
		paths   string
	}{{"none", 0, ""}, {"ten", 10, "/elsewhere/*"}, {"one that is concerned", 1, "*"}} {
		dir := b.TempDir()
		for n := range c.plugins {
			name := filepath.Join(dir, fmt.Sprint("p", n))
			require.NoError(b, os.WriteFile(name+".yaml", fmt.Appendf(nil, "required: true\nhooks: [{kind: inbound, paths: [%q]}]\n", c.paths), 0o600))
			require.NoError(b, os.WriteFile(name+".wasm", passing(), 0o600))
		}
		h := start(b, func(conf *config.Config) { conf.Plugins.Dir = dir })
		require.Len(b, h.Plugins(), c.plugins)
		for _, p := range h.Plugins() {
			require.Equal(b, plugin.StateReady, p.State, p.Reason)
		}
		ctx := context.Background()
		local, err := h.LocalClient(ctx, client.Options{})
		require.NoError(b, err)
		b.Cleanup(func() { _ = local.Close() })
		_, err = local.Set(ctx, "/a/1", map[string]int{"n": 1}, nil)
		require.NoError(b, err)
		b.Run("get/"+c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := local.Get(ctx, "/a/1", nil); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("set/"+c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := local.Set(ctx, "/a/1", map[string]int{"n": 1}, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

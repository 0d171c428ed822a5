package main_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/client"
)

func dial(t *testing.T, s summary) *client.Client {
	t.Helper()
	c, err := client.Connect(context.Background(), client.Options{URL: s.base(t).String()})
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func count(t *testing.T, c *client.Client, pattern string) int64 {
	t.Helper()
	n, err := c.Count(context.Background(), pattern, nil)
	require.NoError(t, err)
	return n
}

func TestARunningHostIsBackedUpAndRestoredElsewhere(t *testing.T) {
	dir := t.TempDir()
	stores := fmt.Sprintf(`[{"name":"history","dir":%q,"patterns":["/history/*"]},{"name":"cache","provider":"memory","patterns":["/cache/*"]}]`,
		filepath.Join(dir, "history"))
	r := start(t, command(t, "serve", "--port", "0", "--log.format", "json", "--data", filepath.Join(dir, "data"), "--data.stores", stores))
	s := r.summary()
	c := dial(t, s)
	for i := range 20 {
		for _, path := range []string{"/doc/%d", "/history/%d", "/cache/%d"} {
			_, err := c.Set(context.Background(), fmt.Sprintf(path, i), map[string]int{"v": i}, nil)
			require.NoError(t, err)
		}
	}
	into := filepath.Join(dir, "backup")
	out, err := command(t, "backup", "--url", s.base(t).String(), "--to", into).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "store history: 20 documents in")
	require.NoFileExists(t, filepath.Join(into, "cache.happn"), "what keeps nothing has no backup")

	out, err = command(t, "backup", "--url", s.base(t).String(), "--to", into).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "exists; name another place")
	one := filepath.Join(dir, "one.happn")
	out, err = command(t, "backup", "--url", s.base(t).String(), "--store", "history", "--to", one).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.FileExists(t, one)

	_, err = c.Set(context.Background(), "/doc/after", map[string]int{"v": 1}, nil)
	require.NoError(t, err)
	_, code := r.stop(syscall.SIGTERM)
	require.Zero(t, code)

	again := filepath.Join(dir, "again")
	out, err = command(t, "restore", "--from", filepath.Join(into, "default.happn"), "--data", again).CombinedOutput()
	require.NoError(t, err, "%s", out)
	r = start(t, command(t, "serve", "--port", "0", "--log.format", "json", "--data", again))
	c = dial(t, r.summary())
	require.Equal(t, int64(20), count(t, c, "/doc/*"), "as it was at the moment of the backup")
	require.Zero(t, count(t, c, "/history/*"), "that is in a backup of its own")
	_, code = r.stop(syscall.SIGTERM)
	require.Zero(t, code)

	out, err = command(t, "restore", "--from", one, "--data", again).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "not empty")
}

func TestBackupSaysWhatIsMissing(t *testing.T) {
	dir := t.TempDir()
	for want, args := range map[string][]string{
		"name a file or a folder with --to": {"backup"},
		"is not the address of a host":      {"backup", "--to", dir, "--url", "127.0.0.1:1"},
		"no host answers":                   {"backup", "--to", dir, "--url", "http://127.0.0.1:1"},
		"needs --from":                      {"restore", "--data", dir},
		"no such file":                      {"restore", "--from", filepath.Join(dir, "missing"), "--data", filepath.Join(dir, "new")},
	} {
		out, err := command(t, args...).CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), want)
	}
	damaged := filepath.Join(dir, "damaged.happn")
	require.NoError(t, os.WriteFile(damaged, []byte("not a backup"), 0o600))
	out, err := command(t, "restore", "--from", damaged, "--data", filepath.Join(dir, "new")).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "backup")
	require.NoDirExists(t, filepath.Join(dir, "new"))
}

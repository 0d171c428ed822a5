package host_test

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/client"
	"github.com/happn-host/happn-host/host"
	"github.com/happn-host/happn-host/host/config"
)

// severalStores are a default store on disk, another one on disk and one in
// memory.
func severalStores(dir string) func(*config.Config) {
	return func(c *config.Config) {
		c.Data = config.Data{Dir: filepath.Join(dir, "default"), Durability: "sync", Stores: []config.DataStore{
			{Name: "history", Dir: filepath.Join(dir, "history"), Durability: "async", Patterns: []string{"/history/*", "/cache/keep/*"}},
			{Name: "cache", Provider: "memory", Patterns: []string{"/cache/*"}},
		}}
	}
}

func paths(tb testing.TB, c *client.Client, pattern string) []string {
	tb.Helper()
	found, err := c.GetPaths(context.Background(), pattern, nil)
	require.NoError(tb, err)
	return slices.DeleteFunc(found, func(path string) bool { return strings.HasPrefix(path, "/_SYSTEM/") })
}

func TestPathsGoToTheStoresOfTheirPatterns(t *testing.T) {
	dir, ctx := t.TempDir(), context.Background()
	h := start(t, severalStores(dir))
	c := connect(t, h)
	for _, path := range []string{"/z", "/history/1", "/cache/1", "/cache/keep/1", "/a"} {
		_, err := c.Set(ctx, path, map[string]int{"v": 1}, nil)
		require.NoError(t, err)
	}
	require.Equal(t, []string{"/a", "/cache/1", "/cache/keep/1", "/history/1", "/z"}, paths(t, c, "/*"))
	_, err := c.Remove(ctx, "/z", nil)
	require.NoError(t, err)

	var got []string
	for _, s := range h.Health(ctx).Stores {
		require.Empty(t, s.Reason)
		got = append(got, s.Name+" "+s.Kind+" "+s.Durability)
		switch s.Name {
		case "default": // with the server's name
			assert.Equal(t, [2]int64{2, 2}, [2]int64{s.Documents, s.Growth.Documents})
		case "history":
			assert.Equal(t, [2]int64{2, 2}, [2]int64{s.Documents, s.Growth.Documents})
		case "cache":
			assert.Equal(t, [2]int64{1, 1}, [2]int64{s.Documents, s.Growth.Documents})
			assert.Zero(t, s.DiskBytes)
		}
		assert.Positive(t, s.Growth.Bytes)
	}
	require.Equal(t, []string{"default embedded sync", "history embedded async", "cache memory none"}, got)
	health := h.Health(ctx)
	require.Equal(t, int64(5), health.Documents)
	require.Equal(t, "sync", health.Durability)
	summary := h.Summary()
	require.Len(t, summary.Stores, 3)
	require.Equal(t, []string{"/history/*", "/cache/keep/*"}, summary.Stores[1].Patterns)
	stop(t, h)

	h = start(t, severalStores(dir))
	require.Equal(t, []string{"/a", "/cache/keep/1", "/history/1"}, paths(t, connect(t, h), "/*"), "what was only in memory is forgotten")
}

// buffer is a log that several goroutines write.
type buffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

func TestDocumentsOfAnEarlierConfigurationAreNotSeenAndReported(t *testing.T) {
	dir, ctx := t.TempDir(), context.Background()
	h := start(t, func(c *config.Config) { severalStores(dir)(c); c.Data.Stores = nil })
	_, err := connect(t, h).Set(ctx, "/history/1", map[string]int{"v": 1}, nil)
	require.NoError(t, err)
	stop(t, h)

	c := config.Default()
	c.Port, c.Plugins.Dir = 0, ""
	severalStores(dir)(&c)
	var log buffer
	h, err = host.New(host.Options{Config: c, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)
	defer stop(t, h)
	local, err := h.LocalClient(ctx, client.Options{})
	require.NoError(t, err)
	defer local.Close()
	require.Empty(t, paths(t, local, "/history/*"))
	require.Contains(t, log.String(), "store=default documents=1")
}

func TestAStoreThatCannotBeOpenedIsNamedAndTheOthersAreClosed(t *testing.T) {
	dir := t.TempDir()
	h := open(t, func(c *config.Config) {
		severalStores(dir)(c)
		c.Data.Dir, c.Data.Stores = filepath.Join(dir, "history"), nil
	})
	c := config.Default()
	c.Port, c.Plugins.Dir = 0, ""
	severalStores(dir)(&c)
	_, err := host.New(host.Options{Config: c})
	require.ErrorContains(t, err, `store "history"`)
	stop(t, h)
	h, err = host.New(host.Options{Config: c})
	require.NoError(t, err, "nothing was left locked")
	stop(t, h)
}

func TestConfiguredIndexesAreThoseOfTheNamesThatClientsUse(t *testing.T) {
	h := start(t, func(c *config.Config) {
		c.Data.Indexes = []config.DataIndex{{Paths: []string{"/users/*"}, Fields: config.IndexFields{{Name: "email"}}, Unique: true}}
	})
	c, ctx := connect(t, h), context.Background()
	_, err := c.Set(ctx, "/users/1", map[string]string{"email": "a@example.com"}, nil)
	require.NoError(t, err)
	_, err = c.Set(ctx, "/users/2", map[string]string{"email": "a@example.com"}, nil)
	require.ErrorContains(t, err, "unique index")
	_, err = c.Set(ctx, "/others/2", map[string]string{"email": "a@example.com"}, nil)
	require.NoError(t, err)
}

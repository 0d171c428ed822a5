package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/client"
)

func TestARunningHostArchivesAndCompacts(t *testing.T) {
	dir := t.TempDir()
	stores := fmt.Sprintf(`[{"name":"history","dir":%q,"patterns":["/history/*"]},{"name":"cache","provider":"memory","patterns":["/cache/*"]}]`,
		filepath.Join(dir, "history"))
	args := []string{"serve", "--port", "0", "--log.format", "json", "--data", filepath.Join(dir, "data"), "--data.stores", stores}
	r := start(t, command(t, args...))
	s := r.summary()
	c := dial(t, s)
	for i := range 20 {
		for _, path := range []string{"/doc/%d", "/old/%d", "/history/%d", "/cache/%d"} {
			_, err := c.Set(context.Background(), fmt.Sprintf(path, i), map[string]int{"v": i}, nil)
			require.NoError(t, err)
		}
	}
	run := func(args ...string) string {
		t.Helper()
		out, err := command(t, append(args, "--url", s.base(t).String())...).CombinedOutput()
		require.NoError(t, err, "%s", out)
		return string(out)
	}
	refused := func(want string, args ...string) {
		t.Helper()
		out, err := command(t, append(args, "--url", s.base(t).String())...).CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), want)
	}
	require.Contains(t, run("archive", "--store", "default", "--path", "/old/*"), "archive 1 of store default: 20 documents")
	require.Contains(t, run("archive", "--store", "history"), "archive 2 of store history: 20 documents")
	require.Contains(t, run("archive", "--store", "default"), "archive 3 of store default: 20 documents")
	require.Equal(t, int64(20), count(t, c, "/cache/*"))
	require.Equal(t, int64(20), count(t, c, "*"))
	n, err := c.Count(context.Background(), "/old/*", &client.Query{Archive: 1})
	require.NoError(t, err)
	require.Equal(t, int64(20), n)
	require.Contains(t, run("archive", "--list"), "archive 2 of store history")
	refused("501", "archive", "--store", "cache")
	refused("there is no store", "archive", "--store", "nope")
	refused("there is no store", "archive")
	refused("404", "archive", "--drop", "9")
	refused("alone", "archive", "--drop", "1", "--list")

	file := filepath.Join(dir, "one.happn")
	require.Contains(t, run("backup", "--archive", "1", "--to", file), "archive 1: 20 documents in")
	refused("no archive", "backup", "--archive", "9", "--to", filepath.Join(dir, "nine.happn"))
	require.Contains(t, run("archive", "--drop", "2"), "archive 2 is gone")
	require.Contains(t, run("compact"), "store history: ")
	refused("no store", "compact", "--store", "nope")
	_, code := r.stop(syscall.SIGTERM)
	require.Zero(t, code)

	r = start(t, command(t, args...))
	s = r.summary()
	require.NotContains(t, run("archive", "--list"), "archive 2")
	require.Contains(t, run("archive", "--list"), "archive 3 of store default: 20 documents")
	resp, err := http.Get(s.base(t).String() + "/healthz")
	require.NoError(t, err)
	defer resp.Body.Close()
	var health struct{ Stores []map[string]any }
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&health))
	require.EqualValues(t, 2, health.Stores[0]["archives"])
	require.EqualValues(t, 40, health.Stores[0]["archived"])
	require.EqualValues(t, 1, health.Stores[0]["documents"], "the host's own name is not archived")
	_, code = r.stop(syscall.SIGTERM)
	require.Zero(t, code)

	again := filepath.Join(dir, "again")
	out, err := command(t, "restore", "--from", file, "--data", again).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "20 documents")
}

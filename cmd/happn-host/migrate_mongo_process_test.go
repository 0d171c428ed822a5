package main_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/tests/testhost"
)

// mongoServer returns the URI of a MongoDB server for the test.
func mongoServer(t *testing.T) string {
	t.Helper()
	if uri := os.Getenv("HAPPN_TEST_MONGO_URI"); uri != "" {
		return uri
	}
	dir, err := os.MkdirTemp("", "happn-ferret-") // it may still write when the test ends
	require.NoError(t, err)
	server, uri, err := testhost.StartFerret(dir, "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() {
		server.Stop()
		_ = os.RemoveAll(dir)
	})
	return uri
}

// database is a new one on the server.
type database struct{ uri, name string }

func newDatabase(uri string) database {
	return database{uri, fmt.Sprintf("happn_test_%d", time.Now().UnixNano())}
}

// url names the database.
func (d database) url(t *testing.T) string {
	t.Helper()
	u, err := url.Parse(d.uri)
	require.NoError(t, err)
	u.Path = "/" + d.name
	return u.String()
}

// asStore is a configuration file with the database as the default store, and the
// paths below /cold in a folder.
func (d database) asStore(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	text, err := json.Marshal(map[string]any{"data": map[string]any{"stores": []any{
		map[string]any{"name": "main", "provider": "mongodb", "default": true, "url": d.uri, "database": d.name},
		map[string]any{"name": "cold", "dir": filepath.Join(dir, "cold"), "patterns": []string{"/cold/*"}},
	}}})
	require.NoError(t, err)
	file := filepath.Join(dir, "host.json")
	require.NoError(t, os.WriteFile(file, text, 0o600))
	return file
}

// migrates runs the command, which must succeed, and returns its report.
func migrates(t *testing.T, args ...string) string {
	t.Helper()
	code, stdout, stderr := finish(t, command(t, append([]string{"migrate"}, args...)...))
	require.Equal(t, 0, code, "%v: %s%s", args, stdout, stderr)
	return stdout
}

// richFile is a data file with n documents of all kinds.
func richFile(t *testing.T, n int) string {
	t.Helper()
	var docs []string
	for i := range n {
		folder := []string{"/many", "/cold", "/_SYSTEM/_SECURITY/_USER"}[i%3]
		data := `{"i":%d,"f":0.1,"big":9007199254740991,"t":"ü\n","null":null,"list":[1,"x",{}],"a.b":{"$set":1},"":true}`
		docs = append(docs, fmt.Sprintf(`{"path":"%s/%d","data":`+data+`,"created":%d,"modified":2000,"meta":{},"$loki":%d}`,
			folder, i, i, i, i+1))
	}
	snapshot, err := json.Marshal(map[string]string{
		"snapshot": `{"collections":[{"name":"happn","data":[` + strings.Join(docs, ",") + `]}]}`,
	})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "happn.db")
	require.NoError(t, os.WriteFile(file, append(snapshot, "\r\n"...), 0o600))
	return file
}

func TestDocumentsComeToMongoDBAndBackAsTheyWere(t *testing.T) {
	const n = 1200
	uri := mongoServer(t)
	file, first, second := richFile(t, n), newDatabase(uri), newDatabase(uri)
	config := first.asStore(t)

	require.Contains(t, migrates(t, "--from", file, "--config", config, "--dry-run"), "1200 new to the target\nthis was a dry run")
	code, _, stderr := finish(t, command(t, "migrate", "--from", first.url(t), "--data", t.TempDir()))
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "there is nothing in the collection", "the dry run has made nothing there")

	killed(t, "--from", file, "--config", config)
	require.Contains(t, migrates(t, "--from", file, "--config", config, "--verify"), "1200 documents verified, 0 differ")
	require.Contains(t, migrates(t, "--from", file, "--config", config), "1200 in the target already\n0 documents stored")

	// 800 are in MongoDB, and 400 in the folder of the other store.
	folder := filepath.Join(t.TempDir(), "data")
	cold := filepath.Join(filepath.Dir(config), "cold")
	cmd := command(t, "migrate", "--from", "env:HAPPN_SOURCE", "--data", folder, "--verify")
	cmd.Env = append(cmd.Env, "HAPPN_SOURCE="+first.url(t))
	code, stdout, stderr := finish(t, cmd)
	require.Equal(t, 0, code, "%s%s", stdout, stderr)
	require.Contains(t, stdout, "800 documents verified, 0 differ")
	require.Contains(t, stdout, "1 left out: what the source's store notes about itself")
	require.Contains(t, migrates(t, "--from", cold, "--data", folder, "--verify"), "400 documents verified, 0 differ")

	last := second.asStore(t)
	require.Contains(t, migrates(t, "--from", folder, "--config", last, "--verify"), "1200 documents verified, 0 differ")
	require.Contains(t, migrates(t, "--from", file, "--config", last, "--dry-run"), "1200 in the target already")
	require.Contains(t, migrates(t, "--from", uri, "--from-database", second.name, "--from-collection", "happn", "--config", config),
		"800 in the target already\n0 documents stored")
}

// killed runs a migration and kills it while it copies.
func killed(t *testing.T, args ...string) {
	t.Helper()
	cmd := command(t, append([]string{"migrate"}, args...)...)
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "copying") {
			require.NoError(t, cmd.Process.Kill())
		}
	}
	var end *exec.ExitError
	require.ErrorAs(t, cmd.Wait(), &end)
	if runtime.GOOS != "windows" {
		require.Equal(t, -1, end.ExitCode(), "it ended by itself")
	}
}

func TestABackupOfARunningHostIsASource(t *testing.T) {
	data, backups := t.TempDir(), filepath.Join(t.TempDir(), "backups")
	r := start(t, command(t, "serve", "--port", "0", "--log.format", "json", "--data", data))
	s := r.summary()
	code, stdout, stderr := finish(t, command(t, "backup", "--url", s.base(t).String(), "--to", backups+"/"))
	require.Equal(t, 0, code, "%s%s", stdout, stderr)
	_, code = r.stop(syscall.SIGTERM)
	require.Zero(t, code)
	to := filepath.Join(t.TempDir(), "new")
	code, _, stderr = finish(t, command(t, "migrate", "--from", backups, "--data", to))
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "is a folder of backups; name one of them, such as "+filepath.Join(backups, "default.happn"))
	require.Contains(t, migrates(t, "--from", filepath.Join(backups, "default.happn"), "--data", to, "--verify"), "1 document verified, 0 differ")
	require.Contains(t, migrates(t, "--from", data, "--data", to), "1 in the target already\n0 documents stored")
}

func TestAPasswordInASourceIsNeverTold(t *testing.T) {
	for _, args := range [][]string{
		{"--from", "mongodb://bob:s3cret@127.0.0.1:1/x?tls=maybe"},
		{"--from", "mongodb://bob:s3cret@127.0.0.1:1/%zz"},
		{"--from", "postgres://bob:s3cret@127.0.0.1:1/x"},
		{"--from", "env:SOURCE"},
		{"mongodb://bob:s3cret@127.0.0.1:1/x"},
		{"--from", "mongodb://bob:s3cret@127.0.0.1:1/x", "--skip-broken"},
		{"--from", "mongodb://bob:s3cret@127.0.0.1:1/x", "--nope"},
	} {
		cmd := command(t, append(append([]string{"migrate"}, args...), "--data", t.TempDir())...)
		cmd.Env = append(cmd.Env, "SOURCE=http://bob:s3cret@127.0.0.1:1/")
		code, stdout, stderr := finish(t, cmd)
		require.NotZero(t, code, "%v", args)
		require.NotEmpty(t, stderr)
		require.NotContains(t, stdout+stderr, "s3cret", "%v", args)
	}
}

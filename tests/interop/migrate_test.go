package interop

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/tests/testhost"
)

// migrateScript prepares a run of the script that fills and dumps servers.
func migrateScript(t *testing.T, server *testhost.Server, args ...string) *exec.Cmd {
	t.Helper()
	script, err := filepath.Abs(filepath.Join("js", "migrate.js"))
	require.NoError(t, err)
	cmd := testhost.Node(t.Context(), testhost.NPMDir(t), script, args...)
	cmd.Env = append(cmd.Env, "HAPPN_PORT="+strconv.Itoa(server.Port()))
	cmd.Stderr = os.Stderr
	return cmd
}

// referenceOn starts the npm server on a data file.
func referenceOn(t *testing.T, file string) *testhost.Server {
	t.Helper()
	return testhost.StartReference(t, testhost.Settings{Config: map[string]any{
		"services": map[string]any{"data": map[string]any{"config": map[string]any{"filename": file}}},
	}})
}

// dumped is what a client gets of a server, by path. The times of gauges are
// those of the server's start where it replays increments, so they are left out.
func dumped(t *testing.T, server *testhost.Server) map[string]map[string]any {
	t.Helper()
	out, err := migrateScript(t, server, "dump").Output()
	require.NoError(t, err)
	var all []map[string]any
	require.NoError(t, json.Unmarshal(out, &all))
	byPath := make(map[string]map[string]any, len(all))
	for _, doc := range all {
		meta := doc["_meta"].(map[string]any)
		path := meta["path"].(string)
		if strings.HasPrefix(path, "/gauges/") {
			delete(meta, "created")
			delete(meta, "modified")
		}
		byPath[path] = doc
	}
	require.Greater(t, len(byPath), 100, "the file holds enough to tell")
	return byPath
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	raw, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to, raw, 0o600))
}

// migrated copies the data file into a folder and serves that.
func migrated(t *testing.T, file string) *testhost.Server {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	for _, args := range [][]string{{"--dry-run"}, {"--verify"}, {"--verify"}} { // the last one finds all of it there
		args = append([]string{"migrate", "--from", file, "--data", data}, args...)
		cmd := exec.Command(testhost.Binary(t), args...)
		cmd.Env = []string{"HOME=" + data} // no settings of ours
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	return testhost.Start(t, testhost.Settings{Args: []string{"--data", data}})
}

func TestADataFileOfTheReferenceIsServedAsTheReferenceServesIt(t *testing.T) {
	if testhost.Reference() {
		t.Skip("copies into the host")
	}
	file := filepath.Join(t.TempDir(), "happn.db")
	server := referenceOn(t, file)
	require.NoError(t, migrateScript(t, server, "write", "2500").Run())
	server.Terminate()
	server.WaitExit()
	copied := filepath.Join(t.TempDir(), "happn.db")
	copyFile(t, file, copied)
	want := dumped(t, referenceOn(t, copied)) // as it starts on the file
	require.Equal(t, want, dumped(t, migrated(t, file)))

	rewritten := dumped(t, migrated(t, copied)) // the snapshot that the start has made
	require.Equal(t, want, rewritten)
}

func TestADataFileOfAKilledReferenceIsServedAsTheReferenceServesIt(t *testing.T) {
	if testhost.Reference() {
		t.Skip("copies into the host")
	}
	file := filepath.Join(t.TempDir(), "happn.db")
	server := referenceOn(t, file)
	writer := migrateScript(t, server, "write", "1000000")
	out, err := writer.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, writer.Start())
	lines := bufio.NewScanner(out)
	require.True(t, lines.Scan())
	server.Kill()
	_ = writer.Process.Kill()
	_ = writer.Wait()
	copied := filepath.Join(t.TempDir(), "happn.db")
	copyFile(t, file, copied)
	require.Equal(t, dumped(t, referenceOn(t, copied)), dumped(t, migrated(t, file)))
}

package testhost_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/tests/testhost"
)

// standIn puts a node and an npm on the PATH that install nothing but the
// manifest, once as many installations as given are under way.
func standIn(t *testing.T, together int) (parent string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the stand-in for npm is a shell script")
	}
	shell, err := exec.LookPath("sh")
	require.NoError(t, err)
	parent = t.TempDir()
	tools := t.TempDir()
	script := fmt.Sprintf(`#!%s
mkdir -p ../begun && touch ../begun/$$
until [ "$(ls ../begun | wc -l)" -ge %d ]; do sleep 0.01; done
mkdir -p node_modules/happn-3 && echo '{"version":"%s"}' > node_modules/happn-3/package.json
`, shell, together, testhost.HappnVersion)
	for _, tool := range []string{"node", "npm"} {
		require.NoError(t, os.WriteFile(filepath.Join(tools, tool), []byte(script), 0o755))
	}
	t.Setenv("PATH", tools+string(os.PathListSeparator)+os.Getenv("PATH"))
	return parent
}

// begun is how often npm was run.
func begun(t *testing.T, parent string) int {
	t.Helper()
	marks, err := os.ReadDir(filepath.Join(parent, "begun"))
	require.NoError(t, err)
	return len(marks)
}

func TestInstallationsAtTheSameTimeShareOne(t *testing.T) {
	const together = 4
	parent := standIn(t, together)
	dir := filepath.Join(parent, "packages")
	t.Setenv("HAPPN_NPM_DIR", dir)
	t.Setenv("HAPPN_TEST_REQUIRE_NODE", "1")
	var all sync.WaitGroup
	for range together {
		all.Go(func() { assert.Equal(t, dir, testhost.NPMDir(t)) })
	}
	all.Wait()
	assert.Equal(t, together, begun(t, parent))
	assert.FileExists(t, filepath.Join(dir, "node_modules", "happn-3", "package.json"))
	left, err := filepath.Glob(filepath.Join(parent, "install-*"))
	require.NoError(t, err)
	assert.Empty(t, left, "who comes second cleans up")

	testhost.NPMDir(t)
	assert.Equal(t, together, begun(t, parent), "what is there is not installed again")
}

func TestInstallationGoesIntoAnEmptyFolder(t *testing.T) {
	parent := standIn(t, 1)
	dir := filepath.Join(parent, "packages")
	require.NoError(t, os.Mkdir(dir, 0o755))
	t.Setenv("HAPPN_NPM_DIR", dir)
	t.Setenv("HAPPN_TEST_REQUIRE_NODE", "1")
	assert.Equal(t, dir, testhost.NPMDir(t))
	assert.FileExists(t, filepath.Join(dir, "node_modules", "happn-3", "package.json"))
}

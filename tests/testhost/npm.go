package testhost

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// HappnVersion is the release of the npm package happn-3 that the tests pin.
const HappnVersion = "13.12.1"

const npmTimeout = 5 * time.Minute

// NPMDir returns a folder whose node_modules holds happn-3 at HappnVersion. The
// first call on a machine installs it with npm; later calls find it there, and
// so do test binaries that run at the same time. Without Node.js the test is
// skipped, unless HAPPN_TEST_REQUIRE_NODE is set.
func NPMDir(tb testing.TB) string {
	tb.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		needNode(tb, "node is not installed")
	}
	dir, err := npmDir()
	if err != nil {
		tb.Fatalf("find a folder for npm packages: %v; set HAPPN_NPM_DIR", err)
	}
	if installed(dir) {
		return dir
	}
	if _, err := exec.LookPath("npm"); err != nil {
		needNode(tb, "npm is not installed")
	}
	if err := install(dir); err != nil {
		needNode(tb, err.Error())
	}
	return dir
}

func needNode(tb testing.TB, why string) {
	tb.Helper()
	if os.Getenv("HAPPN_TEST_REQUIRE_NODE") != "" {
		tb.Fatal(why)
	}
	tb.Skip(why + "; install Node.js 18 or later with npm to run this test")
}

func npmDir() (string, error) {
	if dir := os.Getenv("HAPPN_NPM_DIR"); dir != "" {
		return filepath.Abs(dir)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(cache, "happn-host-test", "happn-3-"+HappnVersion), nil
}

// install fills a temporary neighbour of dir and renames it, so that nobody ever
// sees half an installation. Of several that install at the same time the first
// to finish wins; the others throw theirs away and use that.
func install(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), "install-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	manifest := fmt.Sprintf(`{"name":"happn-host-tests","private":true,"dependencies":{"happn-3":%q}}`, HappnVersion)
	if err := os.WriteFile(filepath.Join(tmp, "package.json"), []byte(manifest), 0o644); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), npmTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error")
	cmd.Dir = tmp
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm install happn-3@%s: %w\n%s", HappnVersion, err, out)
	}
	return keep(tmp, dir)
}

// keep gives an installation its name, unless another one has it already.
func keep(tmp, dir string) error {
	_ = os.Remove(dir) // succeeds only for an empty folder, over which a rename is not portable
	err := os.Rename(tmp, dir)
	if err == nil || installed(dir) {
		return nil
	}
	return fmt.Errorf("keep the installed packages: %w; if %s holds something else than happn-3@%s, remove it and run again",
		err, dir, HappnVersion)
}

// installed reports whether the folder holds the pinned release.
func installed(dir string) bool {
	raw, err := os.ReadFile(filepath.Join(dir, "node_modules", "happn-3", "package.json"))
	var manifest struct {
		Version string `json:"version"`
	}
	return err == nil && json.Unmarshal(raw, &manifest) == nil && manifest.Version == HappnVersion
}

// Node prepares a run of a Node.js script that can require the npm packages
// in npmDir. The caller starts it.
func Node(ctx context.Context, npmDir, script string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "node", append([]string{script}, args...)...)
	cmd.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(npmDir, "node_modules"))
	return cmd
}

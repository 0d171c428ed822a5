package testhost

import (
	"context"
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
// first call on a machine installs it with npm; later calls, also of test
// binaries that run at the same time, find it there. Without Node.js the test is
// skipped, unless HAPPN_TEST_REQUIRE_NODE is set.
func NPMDir(tb testing.TB) string {
	tb.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			needNode(tb, fmt.Sprintf("%s is not installed", tool))
		}
	}
	dir, err := npmDir()
	if err != nil {
		tb.Fatalf("find a folder for npm packages: %v; set HAPPN_NPM_DIR", err)
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

// install fills a temporary neighbour of dir and renames it, so that two test
// binaries never see half an installation; the one that comes second throws
// its own away.
func install(dir string) error {
	if installed(dir) {
		return nil
	}
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
	if err := os.Rename(tmp, dir); err != nil && !installed(dir) {
		return fmt.Errorf("keep the installed packages: %w; empty %s and run again", err, dir)
	}
	return nil
}

func installed(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "node_modules", "happn-3", "package.json"))
	return err == nil
}

// Node prepares a run of a Node.js script that can require the npm packages
// in npmDir. The caller starts it.
func Node(ctx context.Context, npmDir, script string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "node", append([]string{script}, args...)...)
	cmd.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(npmDir, "node_modules"))
	return cmd
}

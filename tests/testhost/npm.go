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

// Package is a release of an npm package.
type Package struct {
	Name, Release string
	As            string // the name under which it is installed; Name if empty
}

func (p Package) folder() string {
	if p.As != "" {
		return p.As
	}
	return p.Name
}

// NPMDir returns a folder whose node_modules holds happn-3 at HappnVersion, as
// Packages does.
func NPMDir(tb testing.TB) string {
	tb.Helper()
	return packages(tb, npmDir(tb), []Package{{Name: "happn-3", Release: HappnVersion}})
}

// Packages returns a folder whose node_modules holds npm packages; it has the
// given name and is a neighbour of NPMDir. The first call on a machine installs
// them with npm; later calls find them there, and so do test binaries that run
// at the same time. Without Node.js the test is skipped, unless
// HAPPN_TEST_REQUIRE_NODE is set.
func Packages(tb testing.TB, folder string, list ...Package) string {
	tb.Helper()
	return packages(tb, filepath.Join(filepath.Dir(npmDir(tb)), folder), list)
}

func packages(tb testing.TB, dir string, list []Package) string {
	tb.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		needNode(tb, "node is not installed")
	}
	if installed(dir, list) {
		return dir
	}
	if _, err := exec.LookPath("npm"); err != nil {
		needNode(tb, "npm is not installed")
	}
	if err := install(dir, list); err != nil {
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

func npmDir(tb testing.TB) string {
	tb.Helper()
	if dir := os.Getenv("HAPPN_NPM_DIR"); dir != "" {
		if abs, err := filepath.Abs(dir); err == nil {
			return abs
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		tb.Fatalf("find a folder for npm packages: %v; set HAPPN_NPM_DIR", err)
	}
	return filepath.Join(cache, "happn-host-test", "happn-3-"+HappnVersion)
}

// install fills a temporary neighbour of dir and renames it, so that nobody ever
// sees half an installation. Of several that install at the same time the first
// to finish wins; the others throw theirs away and use that.
func install(dir string, list []Package) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), "install-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	wanted := map[string]string{}
	for _, p := range list {
		wanted[p.folder()] = "npm:" + p.Name + "@" + p.Release
	}
	manifest, err := json.Marshal(map[string]any{"name": "happn-host-tests", "private": true, "dependencies": wanted})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(tmp, "package.json"), manifest, 0o644); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), npmTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error")
	cmd.Dir = tmp
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm install %v: %w\n%s", wanted, err, out)
	}
	return keep(tmp, dir, list)
}

// keep gives an installation its name, unless another one has it already.
func keep(tmp, dir string, list []Package) error {
	_ = os.Remove(dir) // succeeds only for an empty folder, over which a rename is not portable
	err := os.Rename(tmp, dir)
	if err == nil || installed(dir, list) {
		return nil
	}
	return fmt.Errorf("keep the installed packages: %w; if %s holds something else than %v, remove it and run again",
		err, dir, list)
}

// installed reports whether the folder holds the packages at their releases.
func installed(dir string, list []Package) bool {
	for _, p := range list {
		raw, err := os.ReadFile(filepath.Join(dir, "node_modules", p.folder(), "package.json"))
		var manifest struct {
			Version string `json:"version"`
		}
		if err != nil || json.Unmarshal(raw, &manifest) != nil || manifest.Version != p.Release {
			return false
		}
	}
	return true
}

// Node prepares a run of a Node.js script that can require the npm packages
// in npmDir. The caller starts it.
func Node(ctx context.Context, npmDir, script string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "node", append([]string{script}, args...)...)
	cmd.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(npmDir, "node_modules"))
	return cmd
}

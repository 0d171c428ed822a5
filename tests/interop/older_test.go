package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/happn-host/happn-host/tests/testhost"
)

// olderClients are releases of happn-3 whose clients speak the older protocols,
// by the name under which they are installed.
var olderClients = []struct{ name, release string }{
	{"happn-3-3", "3.1.1"},
	{"happn-3-7", "7.3.2"},
	{"happn-3-10", "10.6.0"},
	{"happn-3-11", "11.11.0"},
}

func TestOlderClientsWork(t *testing.T) {
	if testhost.Reference() {
		t.Skip("the reference server has no tags, no siblings and no protocol of the oldest clients")
	}
	npm := olderDir(t)
	for _, c := range olderClients {
		t.Run(c.release, func(t *testing.T) {
			server := testhost.Start(t, testhost.Settings{})
			runTopic(t, npm, "older", server, "HAPPN_CLIENT="+c.name, "HAPPN_CLIENT_VERSION="+c.release)
		})
	}
}

const olderTimeout = 5 * time.Minute

// olderDir returns a folder whose node_modules holds the older clients, beside
// the one of testhost. They are installed as that one is: once on a machine, and
// not at all without npm.
func olderDir(t *testing.T) string {
	dir := filepath.Join(filepath.Dir(testhost.NPMDir(t)), "happn-3-older-"+olderClients[len(olderClients)-1].release)
	if olderInstalled(dir) {
		return dir
	}
	if err := installOlder(dir); err != nil {
		if os.Getenv("HAPPN_TEST_REQUIRE_NODE") != "" {
			t.Fatal(err)
		}
		t.Skipf("%s; install npm to run this test", err)
	}
	return dir
}

func olderInstalled(dir string) bool {
	for _, c := range olderClients {
		raw, err := os.ReadFile(filepath.Join(dir, "node_modules", c.name, "package.json"))
		var manifest struct {
			Version string `json:"version"`
		}
		if err != nil || json.Unmarshal(raw, &manifest) != nil || manifest.Version != c.release {
			return false
		}
	}
	return true
}

// installOlder fills a temporary neighbour of dir and renames it; of several that
// do so at the same time the first wins.
func installOlder(dir string) error {
	tmp, err := os.MkdirTemp(filepath.Dir(dir), "install-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	packages := map[string]string{}
	for _, c := range olderClients {
		packages[c.name] = "npm:happn-3@" + c.release
	}
	manifest, err := json.Marshal(map[string]any{"name": "happn-host-tests", "private": true, "dependencies": packages})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(tmp, "package.json"), manifest, 0o644); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), olderTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error")
	cmd.Dir = tmp
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm install of older clients: %w\n%s", err, out)
	}
	if err := os.Rename(tmp, dir); err != nil && !olderInstalled(dir) {
		return fmt.Errorf("keep the older clients: %w; remove %s and run again", err, dir)
	}
	return nil
}

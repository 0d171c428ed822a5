package testhost

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// binaryEnv hands the built command from Main to the tests of a package; a
// value that is set from outside saves the build.
const binaryEnv = "HAPPN_TEST_BINARY"

// Main runs the tests of a package with a freshly built happn-host, which it
// removes afterwards, and returns the exit code for os.Exit.
func Main(m *testing.M) int {
	if Reference() || os.Getenv(binaryEnv) != "" || os.Getenv("HAPPN_TEST_URL") != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "happn-host-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "happn-host")
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	build := exec.Command("go", "build", "-o", binary, "github.com/happn-host/happn-host/cmd/happn-host")
	build.Stdout, build.Stderr = os.Stdout, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintf(os.Stderr, "build the command under test: %v\n", err)
		return 1
	}
	if err := os.Setenv(binaryEnv, binary); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// Binary is the path of the happn-host under test.
func Binary(tb testing.TB) string {
	tb.Helper()
	path := os.Getenv(binaryEnv)
	if path == "" {
		tb.Fatalf("no happn-host to test: call testhost.Main from TestMain, or set %s", binaryEnv)
	}
	return path
}

package testhost

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Names of the variables that say which MongoDB server tests use.
const (
	// mongoEnv is the URI of a real server, set from outside.
	mongoEnv = "HAPPN_TEST_MONGO_URI"
	// ferretEnv is the URI of the server that FerretMain started.
	ferretEnv = "HAPPN_TEST_FERRET_URI"
	// ferretBinaryEnv is the built server of tests/ferret; it saves the build.
	ferretBinaryEnv = "HAPPN_TEST_FERRET"
)

// Mongo returns the URI of the MongoDB server that tests use, and whether it is
// FerretDB, which cannot do everything.
func Mongo(tb testing.TB) (uri string, ferret bool) {
	tb.Helper()
	if uri = os.Getenv(mongoEnv); uri != "" {
		return uri, false
	}
	if uri = os.Getenv(ferretEnv); uri == "" {
		tb.Fatalf("no MongoDB server: call testhost.MongoMain from TestMain, or set %s", mongoEnv)
	}
	return uri, true
}

// Ferret returns the URI of a FerretDB, whatever server tests use: for what a real
// one cannot be told to do, or to be. It is the one that FerretMain started, or one
// that is there until the test ends.
func Ferret(tb testing.TB) string {
	tb.Helper()
	if uri := os.Getenv(ferretEnv); uri != "" {
		return uri
	}
	server, uri, err := StartFerret(tb.TempDir(), "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("FerretDB for tests: %v", err)
	}
	tb.Cleanup(server.Stop)
	return uri
}

// MongoMain runs the tests of a package with a MongoDB server: the one that
// HAPPN_TEST_MONGO_URI names, or else FerretDB, which it builds, starts and
// stops. run is m.Run, or another such function around it.
func MongoMain(run func() int) int {
	if os.Getenv(mongoEnv) != "" {
		return run()
	}
	return FerretMain(run)
}

// FerretMain is MongoMain for a package many of whose tests need Ferret, so that
// there is one in any case.
func FerretMain(run func() int) int {
	code, err := withFerret(run)
	if err != nil {
		fmt.Fprintf(os.Stderr, "the MongoDB server for tests: %v\n", err)
		return 1
	}
	return code
}

func withFerret(run func() int) (int, error) {
	dir, err := os.MkdirTemp("", "happn-ferret-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	server, uri, err := StartFerret(dir, "127.0.0.1:0")
	if err != nil {
		return 1, err
	}
	defer server.Stop()
	if err := os.Setenv(ferretEnv, uri); err != nil {
		return 1, err
	}
	return run(), nil
}

// MongoFor is like Mongo without MongoMain: FerretDB is there until the test
// ends. It is for packages
// of which only some tests need one.
func MongoFor(tb testing.TB) (uri string, ferret bool) {
	tb.Helper()
	if uri = os.Getenv(mongoEnv); uri != "" {
		return uri, false
	}
	return Ferret(tb), true
}

// FerretServer is a running FerretDB.
type FerretServer struct {
	command *exec.Cmd
	release func() error // closes its standard input, which ends it
}

// Stop ends it and waits for that.
func (f *FerretServer) Stop() {
	_ = f.release()
	_ = f.command.Wait() // how it ended does not matter
}

// StartFerret starts FerretDB with its databases in the folder.
func StartFerret(dir, listen string) (*FerretServer, string, error) {
	binary, err := ferretBinary(dir)
	if err != nil {
		return nil, "", err
	}
	c := exec.Command(binary, "-dir", dir, "-listen", listen)
	c.Stderr = os.Stderr
	input, err := c.StdinPipe()
	if err != nil {
		return nil, "", err
	}
	output, err := c.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	if err := c.Start(); err != nil {
		return nil, "", err
	}
	server := &FerretServer{c, input.Close}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		server.Stop()
		return nil, "", fmt.Errorf("it did not start: %w", err)
	}
	// Its updates of one document are atomic with one connection only.
	return server, strings.TrimSpace(line) + "?maxPoolSize=1", nil
}

// ferretBinary builds the server, unless that has been done.
func ferretBinary(dir string) (string, error) {
	if path := os.Getenv(ferretBinaryEnv); path != "" {
		return path, nil
	}
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/happn-host/happn-host").Output()
	if err != nil {
		return "", fmt.Errorf("find the module's folder: %w", err)
	}
	path := filepath.Join(dir, "ferret")
	build := exec.Command("go", "build", "-tags", "ferretdb_no_postgresql", "-o", path, ".")
	build.Dir = filepath.Join(strings.TrimSpace(string(root)), "tests", "ferret")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		return "", fmt.Errorf("build it: %w", err)
	}
	return path, nil
}

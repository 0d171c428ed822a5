package plugin_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/happn-host/happn-host/host/plugin/compiler"
	"github.com/happn-host/happn-host/tests/testhost"
)

// scratch is a folder for what all tests share, the Go guests, and wasmCache for their
// machine code. TestMain makes them and takes them away.
var scratch, wasmCache string

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == compileVerb {
		os.Exit(compiler.Main(os.Args[2:], os.Stdin, os.Stderr))
	}
	var err error
	if scratch, err = os.MkdirTemp("", "plugin-test-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	remove := func() {}
	if wasmCache, remove, err = testhost.WasmCache(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		remove()
		_ = os.RemoveAll(scratch)
		os.Exit(code)
	}))
}

// TestGuestsCompile fills the cache of machine code. Run without the race detector
// before the other tests, it saves them most of their time.
func TestGuestsCompile(t *testing.T) {
	openGo(t, nil)
	openWorld(t, newWorld(), map[string]string{"p": all})
}

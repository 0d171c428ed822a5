package testhost

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// NeedsClang skips a test that builds plugins in C where clang and lld are not
// installed, or fails it with HAPPN_TEST_REQUIRE_CLANG.
func NeedsClang(tb testing.TB) {
	tb.Helper()
	for _, tool := range []string{"clang", "wasm-ld"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("HAPPN_TEST_REQUIRE_CLANG") != "" {
				tb.Fatal(err)
			}
			tb.Skipf("%s is not installed; install clang and lld to run this test", tool)
		}
	}
}

// AssemblyScript returns the folder of npm packages that hold Extism's PDK for
// AssemblyScript, and the compiler, a script for Node.
func AssemblyScript(tb testing.TB) (packages, compiler string) {
	tb.Helper()
	packages = filepath.Join(Packages(tb, "extism-as-pdk-1.0.0",
		Package{Name: "@extism/as-pdk", Release: "1.0.0"}, Package{Name: "assemblyscript", Release: "0.28.20"}), "node_modules")
	return packages, filepath.Join(packages, "assemblyscript", "bin", "asc.js")
}

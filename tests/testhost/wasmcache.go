package testhost

import "os"

// WasmCache returns a folder for the machine code of plugins, which all tests of
// a process share, and what TestMain calls at the end.
func WasmCache() (dir string, remove func(), err error) {
	if dir := os.Getenv("HAPPN_TEST_WASM_CACHE"); dir != "" {
		return dir, func() {}, nil
	}
	dir, err = os.MkdirTemp("", "happn-host-wasm-")
	return dir, func() { _ = os.RemoveAll(dir) }, err
}

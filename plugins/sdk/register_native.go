//go:build !wasip1

package sdk

// Register does nothing outside of Wasm: a test makes the Plugin itself and
// hands it to package sdktest.
func Register(Plugin) {}

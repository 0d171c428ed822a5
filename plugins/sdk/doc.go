// Package sdk is how a happn-host plugin is written in Go. A plugin is a main
// package whose init function registers it:
//
//	func init() { sdk.Register(sdk.Plugin{Inbound: check}) }
//	func main() {} // never runs
//
//	func check(m *sdk.Message) sdk.Verdict {
//		if len(m.Data()) > 1<<16 {
//			return sdk.Reject("data is larger than 64 KiB")
//		}
//		return sdk.Pass()
//	}
//
// It is compiled by the standard toolchain as a reactor:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared
//
// The same code builds and tests natively; package sdktest plays the host then.
//
// One instance of a plugin handles one message at a time, and instances share
// nothing. The memory of a Go guest never shrinks and its collector runs within
// the time limit of a message, so keep garbage low: what Message returns aliases
// the input buffer and costs nothing.
//
// The package imports abi and the standard library.
package sdk

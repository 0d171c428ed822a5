// Package signature signs plugin modules, and tells who has signed one. A
// signature is a custom section at the end of the module, over everything before
// it, so that module and signature are replaced in one step.
//
// It imports abi, host/plugin/wasmbin and the standard library.
package signature

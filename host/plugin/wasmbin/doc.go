// Package wasmbin reads the outside of a WebAssembly module: sections, types,
// imports, exports and custom sections, without validating or running code. It
// is what the host knows about a module before it trusts an engine with it, so
// every length is checked, and nothing is allocated by a length that a module
// states.
//
// It imports only the standard library.
package wasmbin

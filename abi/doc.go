// Package abi is the contract between a happn-host and the WebAssembly modules
// it runs: names of exports and imports, numbers, the record codec, and the
// packing of a hook's result. ABI.md in this folder is the same contract in
// words, for authors in any language; testdata holds golden vectors.
//
// The package imports only errors, encoding/binary and math from the standard
// library, uses no reflection and allocates nothing on the paths a message
// takes, so that the host and guests (GOOS=wasip1, TinyGo) share it.
package abi

// Package scaffold writes the sources of a new plugin: a hook of one kind that
// works, its manifest, the operator's file, a test that runs natively and in
// Wasm, and a benchmark.
//
// It imports host/plugin.
package scaffold

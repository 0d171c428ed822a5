// Package build makes a plugin of a Go package: it compiles it for Wasm with the
// standard toolchain and puts its manifest into the module.
//
// It imports host/plugin, for what it knows about manifests, and the standard
// library; it runs the go command.
package build

// Package object reads objects that people have written, in JSON or YAML, key by key:
// manifests of plugins and what operators say about them. Its errors name the file, the
// way to the key and what is expected there; a key that nobody asks for is one of them,
// with the nearest that is known.
//
// It imports nothing but the standard library.
package object

// Package hostcall calls the host: by Wasm imports in a module, by whatever Set
// was given in a native test.
package hostcall

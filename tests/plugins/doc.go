// Package plugins does to a running host what an operator does: it drops modules
// into the plugins folder, changes and removes them, and looks at what clients
// see of it.
//
// It may import testhost, the client, the plugin builder, the standard library
// and testify.
package plugins

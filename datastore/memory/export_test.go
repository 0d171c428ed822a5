package memory

import "github.com/cockroachdb/pebble/v2/vfs"

// WithFS returns options with another file system.
func (o Options) WithFS(fs vfs.FS) Options {
	o.fs = fs
	return o
}

package memory

import "github.com/cockroachdb/pebble/v2/vfs"

// WithFS returns options with another file system.
func (o Options) WithFS(fs vfs.FS) Options {
	o.fs = fs
	return o
}

// WithEagerColumns returns options with which every search takes columns that
// can, and makes those that it lacks.
func (o Options) WithEagerColumns() Options {
	o.eagerColumns = true
	return o
}

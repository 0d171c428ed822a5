// Package config holds every setting of a host: the struct that the other rooms
// read, its defaults, the table that documents and bounds each key, and the
// loader that puts a file, the HAPPN_* environment and command line flags on top
// of each other.
//
// A key has one name everywhere: "websocket.pingInterval" is a place in the file,
// the flag --websocket.pingInterval and, in capitals, the environment variable
// HAPPN_WEBSOCKET_PINGINTERVAL. What cannot be understood is never skipped:
// unknown keys and values out of bounds are errors that name the key, the source
// and what is expected, and all of them are reported together.
//
// It may import koanf, a YAML parser and the standard library. It is the only
// package that imports koanf.
package config

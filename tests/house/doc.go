// Package house keeps the rules of the source tree: which room may import what,
// no package state, no init functions, a doc.go in every package, files that can
// be read in one sitting, and nothing that belongs to the machine it was
// written on.
//
// It reads the files of the tree itself, whatever their build tags, and may
// import the standard library and testify.
package house

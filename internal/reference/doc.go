// Package reference runs the reference server, the npm package happn-3, for
// tests and measurements that compare with it. The package is installed
// outside of the tree, once, by npm.
//
// It imports the standard library only.
package reference

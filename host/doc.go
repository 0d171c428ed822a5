// Package host is the embedding API: New wires a configuration to a running
// happn server, Start opens its doors, Stop closes them after everybody has got
// what they are owed. cmd/happn-host is a thin layer above it.
//
// It imports every room below it; nothing imports it but commands and tests.
package host

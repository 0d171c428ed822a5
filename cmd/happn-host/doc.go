// Command happn-host runs a host and holds what its operator and the author of a
// plugin need beside it: one file for each subcommand.
//
// It may import host, host/config, datastore/migrate, datastore/memory,
// host/plugin/build, security, internal/bench, pflag and golang.org/x/term. What
// it prints for people and programs goes to standard output; the log and the
// reason of a failure go to standard error.
package main

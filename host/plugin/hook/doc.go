// Package hook says what hooks of plugins are: their kinds, what the host knows of each
// kind before any module has it, and what the manifest and the operator's file say about
// one. It reads that, gives the operator the last word, and answers the questions that
// follow from it: who may be logged in, which route a request has, when a tick is due.
//
// It imports a parser of cron's schedules, abi, host/pipeline, for the operators that are
// the host's own, and, of host/plugin, object and pattern.
package hook

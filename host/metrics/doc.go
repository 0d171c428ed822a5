// Package metrics shows what a host counts in the text format of Prometheus.
// What is counted stays where it is counted: it is read when somebody asks, so
// that counting costs no more than it did.
//
// It imports prometheus/client_golang.
package metrics

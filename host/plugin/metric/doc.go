// Package metric keeps the metrics that a plugin defines, within its limits: what they are,
// and their values by labels.
//
// It imports abi and limit of host/plugin.
package metric

// Package hostile holds the battery of plugins that mean harm, run against the
// built command: each module of host/plugin/hostile in turn, while clients work
// through a plugin that behaves. The host stays up, the others notice nothing, what
// the module took is given back, and the operator reads in one line what it did.
//
// Beside it: plugins that are exchanged hundreds of times under load.
//
// It may import tests/testhost, client, host/plugin/hostile and testify.
package hostile

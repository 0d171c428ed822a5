// Package plugin runs WebAssembly modules in the path of messages. It finds
// them in a watched folder, decides what they are, checks them against what
// the operator grants, keeps warm instances, calls them under limits, replaces
// instances that fail, and swaps versions while messages flow.
//
// Manager is the way in; the layers it supplies are what the host's pipeline
// calls. The life of one plugin:
//
//	file -> wasmbin.Parse -> detect -> manifest.Parse + Merge of the operator's file -> meter
//	     -> generation (an engine with one wazero runtime, warm pool of instances) -> swap
//
// Beside it may run a canary, a candidate of the next version that a share of the
// sessions sees: a generation of its own, which ends or takes the plugin's place.
//
// A plugin that speaks protocols has connections (protocols): places that Options.Network
// listens on for the version that runs, and for each connection a mailbox that one
// goroutine at a time sees to (Connection). It is pinned to an instance, and moves to
// one of the next version, or ends with its own. What guests emit is looked at
// before anything of it is done (conversation.go).
//
// Locks, in the order in which they may be held together: Manager.mu, then
// plugin.mu, then breaker.mu or pool.mu; Connection.mu, then protocols.mu, then
// endpointCounts.mu. The path of a message takes none of
// them unless every instance is busy.
//
// Engines make guests of modules: the raw one speaks to wazero itself, the one for
// modules of Extism PDKs to go-sdk. Host functions work on what both have, an
// instance.
//
// What needs no plugin that runs is in packages of its own below this one: the files of a
// folder (folder) and what they say (object, manifest, hook, pattern, limit, secret), who
// has signed a module (signature), what is read of modules and made of them (wasmbin,
// meter, compiler) and their memory (linear, arena), what guests answer (answer) and
// count (metric), and what is remembered for operators (journal, ledger).
//
// It imports those, wazero, Extism's go-sdk, fsnotify, abi, internal/rawjson,
// host/tracing and host/pipeline.
package plugin

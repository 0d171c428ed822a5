// Package hostile is a catalogue of modules that mean harm: each one does a single
// thing to its host, on every message on /evil, and says what the operator must be
// told about it. The battery in tests/hostile runs all of them against a host.
//
// It may import abi and host/plugin/internal/asm. Only tests import it.
package hostile

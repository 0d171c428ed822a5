// Package interop drives the server under test with the unmodified npm client
// happn-3. Each script in js is one topic; its cases use Node's assert and the
// client's documented calls only. The scripts pass against the reference
// server too (HAPPN_TEST_TARGET=reference); where docs/differences.md names a
// difference, they expect each server's own behaviour. The script older runs
// with the clients of older releases instead, against the host only; handover
// takes a collection of MongoDB from the reference server to the host and back.
//
// It may import testhost, the standard library and testify.
package interop

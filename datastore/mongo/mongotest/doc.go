// Package mongotest has a stand-in for a MongoDB server, for tests and
// benchmarks of what talks to one: it speaks the protocol (OP_MSG, and OP_QUERY
// for the handshake), keeps nothing, and answers every command at once with what
// the test says. So a test can look at the commands themselves, hold an answer
// back, and measure what the client side costs without a database behind it.
//
// It imports the driver's packages of BSON, and nothing else of this module.
package mongotest

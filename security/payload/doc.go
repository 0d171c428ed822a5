// Package payload is the encryption of messages that the clients of happn-3 had
// before release 12 (happn-wire.md, Appendix F). A client sends its login
// encrypted to the key pair of the server, gets a secret back in the same way,
// and encrypts what follows with it.
//
// It serves those clients and nothing else. A login is read and changed by nobody
// on its way to the holder of the key; whose key that is, clients do not ask. What
// follows is weaker: every message of a session uses the same key stream, and
// nothing tells a message that was changed on the way from one that was not. TLS
// has none of these weaknesses.
//
// It imports datastore, security/durable, internal/rawjson, decred's secp256k1 and
// the standard library.
package payload

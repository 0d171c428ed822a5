// Package token signs and reads session tokens: JSON Web Tokens with the
// algorithm HS256 and a standard payload, signed by a ring of keys that can be
// changed while tokens are in use. It can be told to accept the tokens of
// happn-3 servers that share the database.
//
// A token is read only after its signature was found good, and the text of a
// token is canonical: no other text passes for the same token, so that a
// revocation by text cannot be evaded.
//
// It imports datastore, security/durable, security/policy, internal/rawjson,
// golang-jwt/jwt and the standard library.
package token

// Package login says who somebody is: it checks credentials (passwords, signed
// nonces, tokens, or what providers check), makes the token and the policy of a
// session, and keeps what must end logins: lockouts, rates, revocations.
//
// A login is decided in the order and with the errors of happn-3
// (happn-wire.md, 4.2). What strangers can fill is bounded in memory.
//
// It imports security, with directory, durable, password, payload, policy and
// token, datastore,
// internal/rawjson, golang.org/x/time/rate, golang.org/x/text and the standard
// library.
package login

// Package password turns passwords into texts that are safe to store, and
// checks passwords against such texts, at a bounded rate.
//
// The texts are those of happn-3, so that either server reads what the other
// has written:
//
//	pbkdf2$<iterations>$<hex key>$<hex salt>$<digest>
//
// or, where configured, argon2id in its usual form, which happn-3 cannot read.
//
// It imports golang.org/x/crypto/argon2 and the standard library.
package password

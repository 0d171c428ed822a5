// Package certificate gives a host the certificates of its encrypted
// connections: from files, which it reads again when they change; generated and
// self-signed; or fetched from an authority that speaks ACME.
//
// It imports host/config, golang.org/x/crypto/acme and the standard library.
package certificate

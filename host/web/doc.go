// Package web serves what a host has beside websockets: it logs in over HTTP,
// lets requests with a token through to the routes that their users are
// permitted, and refuses the others in the words of happn-3 (happn-wire.md,
// 8.11). It also keeps off what attacks browsers and servers alike: requests that
// another site's page makes, names that were bent to lead here, paths that mean
// something else than they say, and bodies that never end.
//
// Who may do what is the business of an Access, which the host brings.
//
// It imports host/transport, host/config and the standard library.
package web

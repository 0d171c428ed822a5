// Package admin is the management API of a host, JSON over HTTP under /api/v1:
// users, groups, permissions, lookup tables, sessions, tokens, plugins, and what the host
// is doing. One table of routes serves it and describes it (OpenAPI), and every
// change that is asked for is written to an audit log.
//
// It does not decide who may ask: host/web does, or whoever mounts it.
//
// It imports security and the standard library.
package admin

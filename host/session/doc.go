// Package session keeps the sessions of a host: who is connected, in which
// protocol, and how to reach them. A session does not know its transport; a
// websocket, an in-process client and a connection that a plugin owns are the
// same to it.
//
// It imports host/protocol for versions and internal/rawjson.
package session

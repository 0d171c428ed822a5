// Package protocol turns frames into requests and results into frames, for the
// protocols happn_1 to happn_4 (happn-wire.md, sections 2.2, 3 and 5.1). It
// checks a frame's JSON once and keeps what it does not understand as raw text;
// nothing here re-encodes a payload.
//
// It is pure: no connections, no sessions, no store. It imports abi for the
// names of actions and internal/rawjson.
package protocol

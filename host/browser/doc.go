// Package browser serves happn-3's client for web pages (happn-wire.md, 1.6 and
// 1.7). The client is not part of this program: it comes from an npm package
// that the operator has installed, out of whose files the script is put together.
//
// It imports the standard library only.
package browser

// Package crash breaks the host on purpose and from outside: it kills the
// process under load and looks for every write that was acknowledged, and it
// sends frames that no client sends, beside a client that must not notice.
//
// HAPPN_CRASH_ROUNDS says how often the process is killed (a few times by
// default).
//
// It may import testhost, gorilla/websocket and testify.
package crash

// Package frames replays recorded conversations between the happn-3 13.12.1
// client and its reference server against the server under test, and compares
// every answer with the recorded one.
//
// A transcript in testdata is a file of JSON lines. A line is a frame
// ("dir", connection "c", "frame" or "binary"), the opening or closing of a
// connection ("ev"), or a note of what happens next. Sent frames of many
// megabytes name their size: "fill" characters belong at byte "at". Stack
// traces and the reference server's own stored documents are left out.
// Transcripts named "insecure" hold the dialogue of a secure recording,
// recorded again on an insecure server (see record.js).
//
// Transcripts of servers with access control are replayed on one of ours. What the
// recorded server's own code did to users and groups is done over the management
// API; logins by key are signed anew, with a key of this run.
//
// The replay sends what the client sent, in the recorded order and with the
// ids of this run in place of the recorded ones. What the server sends has to
// be equal, except for ids, clock times, ports and handshake headers, whose
// type and consistent use are checked instead. Frames of one connection come in
// the recorded order, except publications on different channels and
// publication-acks, whose order nothing promises.
//
// Where the host differs from the reference on purpose, the table of
// differences in this package says what it sends instead and why, and so does
// docs/differences.md. Against the reference server
// (HAPPN_TEST_TARGET=reference) the table is not used: there the recordings
// have to hold as they are.
//
// It may import testhost, gorilla/websocket and testify.
package frames

// Package tests holds the black-box proof that a host keeps its promises:
//
//   - frames replays recorded conversations of the happn-3 client with its
//     reference server and compares every answer;
//   - interop drives the host with the unmodified npm client;
//   - crash kills the host under load and counts what is left, and sends it
//     the frames that end the reference server's process;
//   - hostile runs plugins that mean harm, and exchanges plugins hundreds of times
//     under load;
//   - house keeps the rules of the source tree itself;
//   - testhost starts the servers under test.
//
// Everything here talks to the built command through its sockets, its output
// and its exit, never through Go calls, so that the same tests run against the
// npm reference server (HAPPN_TEST_TARGET=reference) and prove themselves there.
//
// It may import the standard library, gorilla/websocket and testify.
package tests

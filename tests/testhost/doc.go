// Package testhost builds and starts the server that a black-box test talks
// to: the happn-host command, or the npm reference server.
//
// Environment:
//
//   - HAPPN_TEST_TARGET: "host" (the default) or "reference".
//   - HAPPN_TEST_URL: a running server with the name "server1" and no documents,
//     such as http://127.0.0.1:55000, to test instead of starting one. Say with
//     HAPPN_TEST_TARGET which kind it is.
//   - HAPPN_TEST_BINARY: a built happn-host to use instead of building one.
//   - HAPPN_NPM_DIR: folder that holds (or will hold) the npm packages; by
//     default a folder in the user's cache. Nothing is installed in the tree.
//   - HAPPN_TEST_MONGO_URI: a MongoDB server to test with instead of FerretDB, in
//     databases that the tests make and drop. No test is left out then.
//   - HAPPN_TEST_FERRET: a built tests/ferret to use instead of building it.
//   - HAPPN_TEST_REQUIRE_NODE: when set, a machine without Node.js and npm
//     fails the tests that need them instead of skipping them.
//   - HAPPN_TEST_REQUIRE_CLANG: the same for clang and lld, which build plugins in C.
//   - HAPPN_TEST_WASM_CACHE: a folder that keeps the machine code of plugins between
//     test runs. Compiling them takes most of the time of some tests, ten times as
//     long with the race detector: a run without it may fill the folder.
//
// It may import the standard library only; its own tests use testify.
package testhost

// Package fields hides fields of JSON: it removes them or puts a mask in their
// place, and copies everything else as text. The examples redact and redact-role
// share it.
//
// It imports plugins/sdk/rawjson and the standard library.
package fields

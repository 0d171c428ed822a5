// Package answer says what the verdict and the output of a hook mean: whether its kind may
// give that verdict, what becomes of the record that it was shown, and what it answers to
// a login, a search, a service or a request over HTTP. Outputs are of guests, and checked
// as strictly as what clients send.
//
// It imports abi, internal/rawjson, host/pipeline, whose searches are answered, and hook of
// host/plugin.
package answer

// Package rawjson looks into JSON without decoding it, for plugins: data that
// the host shows has been validated already, so members can be found and
// replaced as text, at a twentieth of what encoding/json costs in Wasm. What the
// functions return aliases their argument.
//
// It imports internal/rawjson, which imports the standard library only.
package rawjson

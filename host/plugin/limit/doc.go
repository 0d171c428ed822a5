// Package limit has the limits of plugins: which there are, what each is unless somebody
// says otherwise and what the host stands at most, how files say them, and who has the
// last word. It makes the errors of what is above one, and counts and tells those.
//
// It imports abi and, of host/plugin, meter and object.
package limit

package datastore

import "strings"

// Covers reports whether a pattern, as in Query.Pattern, names a path. Who asks
// for many paths of a store has it find them instead.
func Covers(pattern, path string) bool {
	first, rest, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == path
	}
	path, ok := strings.CutPrefix(path, first)
	for ok {
		part, after, more := strings.Cut(rest, "*")
		if !more {
			return strings.HasSuffix(path, part)
		}
		at := strings.Index(path, part)
		if ok = at >= 0; ok {
			path, rest = path[at+len(part):], after
		}
	}
	return false
}

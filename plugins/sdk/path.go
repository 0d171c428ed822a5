package sdk

import "strings"

// MatchesPath reports whether a path fits a pattern in which "*" stands for any
// text, also none and also with slashes, as in the paths of hooks.
func MatchesPath[P ~string | ~[]byte](pattern string, path P) bool {
	star, mark := -1, 0 // the last "*", and where what it stands for ends so far
	p, i := 0, 0
	for i < len(path) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && pattern[p] == path[i]:
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

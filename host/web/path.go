package web

import (
	"net/http"
	"net/url"
	"strings"
)

// permissionPath returns the path that permissions are about, and whether the
// request's path is what it seems: absolute, without empty, "." and ".."
// segments, which file servers resolve after everybody has looked at the path,
// and without characters that some take for separators. Escapes are resolved,
// but not those of a slash, which stays part of its segment.
func permissionPath(r *http.Request) (string, bool) {
	raw := r.URL.EscapedPath()
	if !strings.HasPrefix(raw, "/") {
		return "", false
	}
	segments := strings.Split(raw[1:], "/")
	for i, escaped := range segments {
		segment, err := url.PathUnescape(escaped)
		last := i == len(segments)-1
		switch {
		case err != nil, segment == "" && !last:
			return "", false
		case strings.ContainsFunc(segment, func(c rune) bool { return c < ' ' || c == 0x7f || c == '\\' }):
			return "", false
		}
		// Also what stands beside an escaped slash may be meant to climb.
		for part := range strings.SplitSeq(segment, "/") {
			if part == "." || part == ".." || part == "" && strings.Contains(segment, "/") {
				return "", false
			}
		}
		segments[i] = separators.Replace(segment)
	}
	return "/@HTTP/" + strings.Join(segments, "/"), true
}

var separators = strings.NewReplacer("%", "%25", "/", "%2F")

// excluded reports whether a path needs no token. Each run of '*' in a pattern
// stands for any text; "/" is itself only.
func excluded(patterns []string, path string) bool {
	for _, p := range patterns {
		if p == path || p != "/" && matches(p, path) {
			return true
		}
	}
	return false
}

func matches(pattern, path string) bool {
	parts := strings.Split(pattern, "*")
	rest, ok := strings.CutPrefix(path, parts[0])
	if !ok || len(parts) == 1 {
		return ok && rest == ""
	}
	end := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		at := strings.Index(rest, part)
		if at < 0 {
			return false
		}
		rest = rest[at+len(part):]
	}
	return strings.HasSuffix(rest, end)
}

package protocol

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// The texts of path errors are happn-3's (happn-wire.md, 3.3); users search for
// them.
const (
	badPathCharacters = "Bad path, can only contain characters a-z A-Z 0-9 / & + = : @ % * ( ) _ -, ie: factory1@I&J(western-cape)/plant1:conveyer_2/stats=true/capacity=10%/*"
	badPathWildcard   = "Bad path, if the action is 'set' the path cannot contain the * wildcard character"
)

// CheckPath checks the path of a data request by the rules of happn-wire.md,
// 6.1: characters for on, set and remove, no wildcard in set. maxBytes is the
// longest path, 0 for any.
func CheckPath(r *Request, maxBytes int) *Error {
	if !r.HasPath {
		return NewError(fmt.Sprintf("Bad path [%s], must be a string", shown(r.RawPath)))
	}
	if maxBytes > 0 && len(r.Path) > maxBytes {
		return NewError(fmt.Sprintf("Bad path, %d bytes long: at most %d are allowed", len(r.Path), maxBytes))
	}
	switch r.Action {
	case abi.ActionOn, abi.ActionSet, abi.ActionRemove:
		if !validPath(r.Path) {
			return NewError(badPathCharacters)
		}
		if r.Action == abi.ActionSet && bytes.IndexByte(r.Path, '*') >= 0 {
			return NewError(badPathWildcard)
		}
	}
	return nil
}

// shown returns a path that is no string as JavaScript would print it.
func shown(raw []byte) string {
	switch {
	case raw == nil:
		return "undefined"
	case rawjson.IsObject(raw):
		return "[object Object]"
	}
	return string(raw[:min(len(raw), 64)])
}

func validPath(path []byte) bool {
	for i := 0; i < len(path); {
		if c := path[i]; c < utf8.RuneSelf {
			if !pathByte(c) {
				return false
			}
			i++
			continue
		}
		r, n := utf8.DecodeRune(path[i:])
		if !unicodeSpace(r) {
			return false
		}
		i += n
	}
	return len(path) > 0
}

func pathByte(c byte) bool {
	switch {
	case c|0x20 >= 'a' && c|0x20 <= 'z', c >= '0' && c <= '9', c >= '\t' && c <= '\r':
		return true
	}
	return bytes.IndexByte([]byte("/(){}+=&:%@._*- "), c) >= 0
}

// unicodeSpace reports what JavaScript's \s matches outside ASCII.
func unicodeSpace(r rune) bool {
	switch {
	case r >= '\u2000' && r <= '\u200a':
		return true
	}
	switch r {
	case '\u00a0', '\u1680', '\u2028', '\u2029', '\u202f', '\u205f', '\u3000', '\ufeff':
		return true
	}
	return false
}

// Settable reports whether a set accepts the characters of a path.
func Settable(path []byte) bool { return validPath(path) && bytes.IndexByte(path, '*') < 0 }

package rawjson

import (
	"iter"

	"github.com/happn-host/happn-host/internal/rawjson"
)

// Type is the type of a JSON value.
type Type byte

// The types.
const (
	Invalid Type = iota
	Null
	Boolean
	Number
	String
	Array
	Object
)

var typeNames = [...]string{"nothing", "null", "boolean", "number", "string", "array", "object"}

// String returns the type's name, such as "number".
func (t Type) String() string { return typeNames[t] }

// ParseType is the inverse of String; it returns Invalid for what is no type.
func ParseType(name string) Type {
	for t := Null; t <= Object; t++ {
		if typeNames[t] == name {
			return t
		}
	}
	return Invalid
}

// TypeOf returns the type of a value, by its first byte.
func TypeOf(raw []byte) Type {
	i := rawjson.Space(raw, 0)
	if i >= len(raw) {
		return Invalid
	}
	switch c := raw[i]; {
	case c == '{':
		return Object
	case c == '[':
		return Array
	case c == '"':
		return String
	case c == 't' || c == 'f':
		return Boolean
	case c == 'n':
		return Null
	case c == '-' || c >= '0' && c <= '9':
		return Number
	}
	return Invalid
}

// Members yields the members of an object: decoded name and raw value.
func Members(object []byte) iter.Seq2[[]byte, []byte] { return rawjson.Members(object) }

// Elements yields the raw elements of an array.
func Elements(array []byte) iter.Seq[[]byte] { return rawjson.Elements(array) }

// Lookup returns the raw value of a member.
func Lookup(object []byte, name string) (value []byte, ok bool) { return rawjson.Lookup(object, name) }

// Unquote returns the text of a raw JSON string.
func Unquote(raw []byte) []byte { return rawjson.Unquote(raw) }

// AppendString appends s as a JSON string.
func AppendString(dst []byte, s string) []byte { return rawjson.AppendString(dst, s) }

package codec

import "strings"

// marker starts whatever is not written as it is: U+FF05, a fullwidth percent
// sign. It is rare in names, no server gives it a meaning, and people see at
// once that it stands for something.
const marker = "％"

// numberName is the only member of an object that stands for a number. It is not
// the escaped form of any name, since it escapes nothing.
const numberName = marker + "number"

// Plain reports whether a name is stored as it is.
func Plain(name string) bool {
	return name != "" && name[0] != '$' && !strings.HasPrefix(name, marker) && !strings.ContainsAny(name, ".\x00")
}

// EscapeName returns the name under which a member is stored: the name itself
// if it is Plain, else a fullwidth percent sign and the name with each dot,
// dollar, zero byte and percent sign of either width as % and two hexadecimal
// digits, as in "％a%2Eb" for "a.b".
func EscapeName(name string) string {
	if Plain(name) {
		return name
	}
	var b strings.Builder
	b.WriteString(marker)
	for _, part := range name {
		switch part {
		case '.':
			b.WriteString("%2E")
		case '$':
			b.WriteString("%24")
		case 0:
			b.WriteString("%00")
		case '%':
			b.WriteString("%25")
		case '％':
			b.WriteString("%FF")
		default:
			b.WriteRune(part)
		}
	}
	return b.String()
}

// escaped is EscapeName for bytes, which it returns themselves if they are Plain.
func escaped(name []byte) []byte {
	if Plain(string(name)) {
		return name
	}
	return []byte(EscapeName(string(name)))
}

// UnescapeName is the inverse of EscapeName. A name that EscapeName does not
// make is returned as it is: somebody else has written it.
func UnescapeName(stored string) string {
	rest, escaped := strings.CutPrefix(stored, marker)
	if !escaped {
		return stored
	}
	var b strings.Builder
	for {
		before, after, found := strings.Cut(rest, "%")
		b.WriteString(before)
		if !found {
			break
		}
		if len(after) < 2 {
			return stored
		}
		char := unescaped(after[:2])
		if char == "" {
			return stored
		}
		b.WriteString(char)
		rest = after[2:]
	}
	if name := b.String(); EscapeName(name) == stored {
		return name
	}
	return stored
}

// unescaped returns what the two digits after a percent sign stand for.
func unescaped(digits string) string {
	switch digits {
	case "2E":
		return "."
	case "24":
		return "$"
	case "00":
		return "\x00"
	case "25":
		return "%"
	case "FF":
		return marker
	}
	return ""
}

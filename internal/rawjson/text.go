package rawjson

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// Unquote returns the text of a raw JSON string. Without escapes it aliases
// raw. Anything that is not a string is nil. A lone surrogate becomes U+FFFD,
// since UTF-8 has no code for it.
func Unquote(raw []byte) []byte {
	if len(raw) < 2 || raw[0] != '"' || raw[len(raw)-1] != '"' {
		return nil
	}
	raw = raw[1 : len(raw)-1]
	i := bytes.IndexByte(raw, '\\')
	if i < 0 {
		return raw[:len(raw):len(raw)]
	}
	out := append(make([]byte, 0, len(raw)), raw[:i]...)
	for i < len(raw) {
		if raw[i] != '\\' {
			out = append(out, raw[i])
			i++
			continue
		}
		n := escapeLen(raw[i:])
		if n == 0 {
			return out
		}
		switch c := raw[i+1]; c {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r := codeUnit(raw[i:])
			if utf16.IsSurrogate(r) {
				second := rune(-1)
				if escapeLen(raw[i+n:]) == 6 {
					second = codeUnit(raw[i+n:])
				}
				if r = utf16.DecodeRune(r, second); r != utf8.RuneError {
					n += 6
				}
			}
			out = utf8.AppendRune(out, r)
		default:
			out = append(out, c)
		}
		i += n
	}
	return out
}

// codeUnit reads the four hexadecimal digits of the \u escape at the start of b.
func codeUnit(b []byte) rune {
	var r rune
	for _, c := range b[2:6] {
		r = r<<4 | rune(hexValue(c))
	}
	return r
}

const hexDigits = "0123456789abcdef"

// AppendString appends s to dst as a JSON string. Bytes that are not UTF-8
// become U+FFFD; U+2028 and U+2029 are escaped, as happn-3 does.
func AppendString[T ~string | ~[]byte](dst []byte, s T) []byte {
	return append(AppendEscaped(append(dst, '"'), s), '"')
}

// AppendEscaped is AppendString without the quotes.
func AppendEscaped[T ~string | ~[]byte](dst []byte, s T) []byte {
	b := view(&s)
	for {
		n := plainRun(b)
		dst, b = append(dst, b[:n]...), b[n:]
		if len(b) == 0 {
			return dst
		}
		c := b[0]
		switch {
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRune(b)
			switch {
			case r == utf8.RuneError && n == 1:
				dst = append(dst, "\uFFFD"...)
			case r == '\u2028' || r == '\u2029':
				dst = append(append(dst, `\u202`...), hexDigits[r&0xf])
			default:
				dst = append(dst, b[:n]...)
			}
			b = b[n:]
			continue
		case c < 0x20 || c == '"' || c == '\\':
			dst = appendEscape(dst, c)
		default: // less than eight bytes were left to look at together
			dst = append(dst, c)
		}
		b = b[1:]
	}
}

// view returns the bytes of s, only to be read: a slice starts with what a
// string is made of.
func view[T ~string | ~[]byte](s *T) []byte {
	text := *(*string)(unsafe.Pointer(s))
	return unsafe.Slice(unsafe.StringData(text), len(text))
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
}

// EscapeLineSeparators returns valid JSON text with U+2028 and U+2029 escaped.
func EscapeLineSeparators(raw []byte) []byte {
	raw = bytes.ReplaceAll(raw, []byte("\u2028"), []byte(`\u2028`))
	return bytes.ReplaceAll(raw, []byte("\u2029"), []byte(`\u2029`))
}

// IsObject reports whether the value is an object.
func IsObject(raw []byte) bool { return len(raw) > 0 && raw[0] == '{' }

// IsArray reports whether the value is an array.
func IsArray(raw []byte) bool { return len(raw) > 0 && raw[0] == '[' }

// IsString reports whether the value is a string.
func IsString(raw []byte) bool { return len(raw) > 0 && raw[0] == '"' }

// IsNull reports whether the value is null.
func IsNull(raw []byte) bool { return string(raw) == "null" }

// Name decodes the name of a member as it stands between its quotes. It may
// alias inner.
func Name(inner []byte) []byte {
	if bytes.IndexByte(inner, '\\') < 0 {
		return inner
	}
	quoted := make([]byte, 0, len(inner)+2)
	quoted = append(quoted, '"')
	quoted = append(quoted, inner...)
	return Unquote(append(quoted, '"'))
}

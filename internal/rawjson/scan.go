package rawjson

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"unicode/utf8"
)

// DefaultMaxDepth bounds nesting where a Scanner names no bound.
const DefaultMaxDepth = 128

// SyntaxError says what is wrong with JSON text, and where.
type SyntaxError struct {
	Offset int    // bytes from the start of the text
	Reason string // what was found or expected
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("invalid JSON at byte %d: %s", e.Offset, e.Reason)
}

func fail(offset int, reason string) error {
	return &SyntaxError{Offset: offset, Reason: reason}
}

// Scanner validates JSON text by RFC 8259: syntax, UTF-8 and nesting. The zero
// value is ready to use. It is not safe for concurrent use.
type Scanner struct {
	// MaxDepth is how deep arrays and objects may nest; 0 is DefaultMaxDepth.
	MaxDepth int

	// LineSeparators is set when a string holds U+2028 or U+2029 as such.
	// happn-3 sends those escaped, since old JavaScript engines took them for
	// ends of lines; see EscapeLineSeparators.
	LineSeparators bool

	escapes bool // the last string holds escapes
}

// Space returns the offset of the first byte at or after i that is not white
// space.
func Space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

// Value validates the value that starts at b[i], without white space before
// it, and returns the offset after its last byte.
func (s *Scanner) Value(b []byte, i int) (int, error) {
	depth := s.MaxDepth
	if depth <= 0 {
		depth = DefaultMaxDepth
	}
	return s.value(b, i, depth)
}

// Valid reports nil if b is exactly one valid value, with optional white space
// around it.
func (s *Scanner) Valid(b []byte) error {
	end, err := s.Value(b, Space(b, 0))
	if err != nil {
		return err
	}
	if end = Space(b, end); end != len(b) {
		return fail(end, "text after the end of the value")
	}
	return nil
}

func (s *Scanner) value(b []byte, i, depth int) (int, error) {
	if i >= len(b) {
		return i, fail(i, "the text ends where a value was expected")
	}
	switch c := b[i]; c {
	case '"':
		return s.String(b, i)
	case '{':
		return s.object(b, i, depth)
	case '[':
		return s.array(b, i, depth)
	case 't':
		return literal(b, i, "true")
	case 'f':
		return literal(b, i, "false")
	case 'n':
		return literal(b, i, "null")
	default:
		if c == '-' || c-'0' <= 9 {
			return number(b, i)
		}
		return i, fail(i, fmt.Sprintf("%q cannot start a value", c))
	}
}

func (s *Scanner) object(b []byte, i, depth int) (int, error) {
	if depth == 0 {
		return i, fail(i, "nested too deep")
	}
	i = Space(b, i+1)
	if i < len(b) && b[i] == '}' {
		return i + 1, nil
	}
	for {
		_, end, err := s.Key(b, i)
		if err != nil {
			return end, err
		}
		if end, err = s.value(b, end, depth-1); err != nil {
			return end, err
		}
		i = Space(b, end)
		if i >= len(b) {
			return i, fail(i, "the text ends inside an object")
		}
		switch b[i] {
		case ',':
			i = Space(b, i+1)
		case '}':
			return i + 1, nil
		default:
			return i, fail(i, "expected ',' or '}' in an object")
		}
	}
}

// Key validates a member's name and the colon after it, from the opening quote
// at b[i] on. It returns the decoded name, which aliases b if it is written
// without escapes, and the offset where the member's value starts.
func (s *Scanner) Key(b []byte, i int) (name []byte, value int, err error) {
	if i >= len(b) || b[i] != '"' {
		return nil, i, fail(i, "expected a member name in double quotes")
	}
	s.escapes = false
	end, err := s.String(b, i)
	if err != nil {
		return nil, end, err
	}
	if name = b[i+1 : end-1 : end-1]; s.escapes {
		name = Unquote(b[i:end])
	}
	if end = Space(b, end); end >= len(b) || b[end] != ':' {
		return nil, end, fail(end, "expected ':' after a member name")
	}
	return name, Space(b, end+1), nil
}

func (s *Scanner) array(b []byte, i, depth int) (int, error) {
	if depth == 0 {
		return i, fail(i, "nested too deep")
	}
	i = Space(b, i+1)
	if i < len(b) && b[i] == ']' {
		return i + 1, nil
	}
	for {
		end, err := s.value(b, i, depth-1)
		if err != nil {
			return end, err
		}
		i = Space(b, end)
		if i >= len(b) {
			return i, fail(i, "the text ends inside an array")
		}
		switch b[i] {
		case ',':
			i = Space(b, i+1)
		case ']':
			return i + 1, nil
		default:
			return i, fail(i, "expected ',' or ']' in an array")
		}
	}
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// plainRun returns how many bytes at the start of b are printable ASCII other
// than quote and backslash, looking at eight at a time; at least the first byte
// that is not counted is worth a look of its own.
func plainRun(b []byte) int {
	n := 0
	for len(b)-n >= 8 {
		x := binary.LittleEndian.Uint64(b[n:])
		quote, slash := x^(ones*'"'), x^(ones*'\\')
		special := (x-ones*0x20)&^x | (quote-ones)&^quote | (slash-ones)&^slash | x
		if special &= highs; special != 0 {
			return n + bits.TrailingZeros64(special)/8
		}
		n += 8
	}
	return n
}

// String validates the string whose opening quote is b[i] and returns the
// offset after its closing quote.
func (s *Scanner) String(b []byte, i int) (int, error) {
	i++
	for {
		i += plainRun(b[i:])
		if i >= len(b) {
			return i, fail(i, "the text ends inside a string")
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1, nil
		case c == '\\':
			n := escapeLen(b[i:])
			if n == 0 {
				return i, fail(i, "invalid escape in a string")
			}
			s.escapes = true
			i += n
		case c < 0x20:
			return i, fail(i, "a control character in a string must be escaped")
		case c < utf8.RuneSelf:
			i++
		default:
			r, n := utf8.DecodeRune(b[i:])
			if r == utf8.RuneError && n == 1 {
				return i, fail(i, "invalid UTF-8 in a string")
			}
			if r == '\u2028' || r == '\u2029' {
				s.LineSeparators = true
			}
			i += n
		}
	}
}

// escapeLen returns the length of the escape at the start of b, 0 if it is none.
func escapeLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(b) < 6 {
			return 0
		}
		for _, c := range b[2:6] {
			if hexValue(c) < 0 {
				return 0
			}
		}
		return 6
	}
	return 0
}

func hexValue(c byte) int {
	switch {
	case c-'0' <= 9:
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

func literal(b []byte, i int, want string) (int, error) {
	if end := i + len(want); end <= len(b) && string(b[i:end]) == want {
		return end, nil
	}
	return i, fail(i, "expected "+want)
}

func number(b []byte, i int) (int, error) {
	if b[i] == '-' {
		i++
	}
	switch {
	case i >= len(b):
		return i, fail(i, "the text ends inside a number")
	case b[i] == '0':
		i++
	case b[i]-'1' <= 8:
		i = digits(b, i)
	default:
		return i, fail(i, "expected a digit")
	}
	if i < len(b) && b[i] == '.' {
		start := i + 1
		if i = digits(b, start); i == start {
			return i, fail(i, "expected a digit after the decimal point")
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		start := i
		if i = digits(b, start); i == start {
			return i, fail(i, "expected a digit in the exponent")
		}
	}
	return i, nil
}

func digits(b []byte, i int) int {
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	return i
}

package loki

import (
	"errors"
	"fmt"
	"io"

	"github.com/happn-host/happn-host/internal/rawjson"
)

// maxValue bounds what is held of one document or other value, in bytes.
const maxValue = 1 << 30

// text walks through the JSON text in a snapshot without holding it.
type text struct {
	in   *unquoter
	file io.ReaderAt
	buf  []byte
	pos  int // in buf, of what comes next
}

// fill replaces what has been read by the next chunk.
func (t *text) fill() error {
	for {
		t.pos = 0
		var err error
		if t.buf, err = t.in.next(t.buf[:0]); err != nil {
			return err
		}
		if len(t.buf) > 0 {
			return nil
		}
	}
}

// errorf says what is wrong with what comes next.
func (t *text) errorf(format string, args ...any) error {
	return &Error{Line: 1, Offset: rawOffset(t.file, t.in.chunk, t.pos), Err: fmt.Errorf(format, args...)}
}

// ended turns the end of the text into the error that it is here.
func (t *text) ended(err error) error {
	if errors.Is(err, io.EOF) {
		return t.errorf("the snapshot's text ends too early")
	}
	return err
}

// peek returns the next byte that is not white space.
func (t *text) peek() (byte, error) {
	for {
		for t.pos < len(t.buf) {
			switch c := t.buf[t.pos]; c {
			case ' ', '\t', '\n', '\r':
				t.pos++
			default:
				return c, nil
			}
		}
		if err := t.fill(); err != nil {
			return 0, err
		}
	}
}

// take takes the byte that must come next.
func (t *text) take(want byte) error {
	c, err := t.peek()
	if err != nil {
		return t.ended(err)
	}
	if c != want {
		return t.errorf("%q where %q was expected", c, want)
	}
	t.pos++
	return nil
}

// members calls visit for each member of the object that comes next. visit
// takes the value.
func (t *text) members(visit func(name string) error) error {
	return t.list('{', '}', func() error {
		name, err := t.value(nil)
		if err != nil {
			return err
		}
		if !rawjson.IsString(name) {
			return t.errorf("a member without a name in quotes")
		}
		if err := t.take(':'); err != nil {
			return err
		}
		return visit(string(rawjson.Unquote(name)))
	})
}

// list calls visit for each part of the array or object that comes next. visit
// takes the part.
func (t *text) list(open, end byte, visit func() error) error {
	if err := t.take(open); err != nil {
		return err
	}
	if c, err := t.peek(); err == nil && c == end {
		t.pos++
		return nil
	}
	for {
		if err := visit(); err != nil {
			return err
		}
		c, err := t.peek()
		if err != nil {
			return t.ended(err)
		}
		if c == end {
			t.pos++
			return nil
		}
		if err := t.take(','); err != nil {
			return err
		}
	}
}

// value appends the value that comes next to dst. Only its brackets and quotes
// are looked at.
func (t *text) value(dst []byte) ([]byte, error) {
	if _, err := t.peek(); err != nil {
		return dst, t.ended(err)
	}
	var b boundary
	for {
		n, done := b.scan(t.buf[t.pos:])
		dst = append(dst, t.buf[t.pos:t.pos+n]...)
		t.pos += n
		switch {
		case len(dst) == 0:
			return dst, t.errorf("%q where a value was expected", t.buf[t.pos])
		case len(dst) > maxValue:
			return dst, t.errorf("a value of more than %d bytes", maxValue)
		case done:
			return dst, nil
		}
		if err := t.fill(); err != nil {
			return dst, t.ended(err)
		}
	}
}

// skip passes over the value that comes next.
func (t *text) skip() error {
	if _, err := t.peek(); err != nil {
		return t.ended(err)
	}
	var b boundary
	for first := true; ; first = false {
		n, done := b.scan(t.buf[t.pos:])
		if first && n == 0 {
			return t.errorf("%q where a value was expected", t.buf[t.pos])
		}
		t.pos += n
		if done {
			return nil
		}
		if err := t.fill(); err != nil {
			return t.ended(err)
		}
	}
}

// boundary finds the end of a value that arrives in pieces.
type boundary struct {
	depth   int
	quoted  bool
	escaped bool
	scalar  bool // a number or a word has begun
}

// scan returns how much of the piece belongs to the value, and whether it ends
// there.
func (b *boundary) scan(piece []byte) (n int, done bool) {
	for i, c := range piece {
		switch {
		case b.escaped:
			b.escaped = false
		case b.quoted:
			b.escaped = c == '\\'
			if b.quoted = c != '"'; !b.quoted && b.depth == 0 {
				return i + 1, true
			}
		case c == '"':
			if b.scalar {
				return i, true
			}
			b.quoted = true
		case c == '{' || c == '[':
			if b.scalar {
				return i, true
			}
			b.depth++
		case c == '}' || c == ']':
			if b.depth == 0 {
				return i, true
			}
			if b.depth--; b.depth == 0 {
				return i + 1, true
			}
		case b.depth == 0 && (c == ',' || c == ':' || c <= ' '):
			return i, true
		case b.depth == 0:
			b.scalar = true
		}
	}
	return len(piece), false
}

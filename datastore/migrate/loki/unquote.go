package loki

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// chunkSize is how much text is decoded at a time.
const chunkSize = 64 << 10

// longestEscape is the length of a surrogate pair, \ud83d\ude00.
const longestEscape = 12

// unquoter decodes a JSON string of any length, from after its opening quote to
// its closing one, which it takes.
type unquoter struct {
	r     *bufio.Reader
	raw   int64 // offset in the file of what r reads next
	chunk int64 // offset in the file of where the last chunk begins
	ended bool
}

// errCut says that the file ends within the string.
var errCut = errors.New("the file ends in the middle of the snapshot")

// next appends the next chunk to dst; io.EOF is the end of the string.
func (u *unquoter) next(dst []byte) ([]byte, error) {
	if u.ended {
		return dst, io.EOF
	}
	u.chunk = u.raw
	for len(dst) < chunkSize && !u.ended {
		if _, err := u.r.Peek(1); err != nil {
			return dst, u.failed(err)
		}
		ready, _ := u.r.Peek(u.r.Buffered())
		run := plain(ready)
		dst = append(dst, ready[:run]...)
		u.skip(run)
		if run == len(ready) {
			continue
		}
		var err error
		if dst, err = u.special(dst, ready[run]); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// plain returns the length of the text that stands for itself.
func plain(b []byte) int {
	for i, c := range b {
		if c == '"' || c == '\\' || c < ' ' {
			return i
		}
	}
	return len(b)
}

func (u *unquoter) skip(n int) {
	_, _ = u.r.Discard(n) // of what is buffered
	u.raw += int64(n)
}

// special handles what ends a plain text.
func (u *unquoter) special(dst []byte, c byte) ([]byte, error) {
	switch c {
	case '"':
		u.skip(1)
		u.ended = true
		return dst, nil
	case '\\':
		return u.escape(dst)
	case '\r', '\n':
		return dst, u.errorf("the line ends in the middle of the snapshot")
	}
	return dst, u.errorf("the control character %q in the snapshot", c)
}

func (u *unquoter) escape(dst []byte) ([]byte, error) {
	b, err := u.r.Peek(longestEscape)
	if len(b) < 2 || b[1] == 'u' && len(b) < 6 {
		return dst, u.failed(err)
	}
	at := bytes.IndexByte([]byte(`"\/bfnrt`), b[1])
	switch {
	case at >= 0:
		dst = append(dst, "\"\\/\b\f\n\r\t"[at])
		u.skip(2)
		return dst, nil
	case b[1] != 'u':
		return dst, u.errorf("the escape %q is not JSON", b[:2])
	}
	first, err := codeUnit(b)
	if err != nil {
		return dst, u.errorf("the escape %q is not JSON", b[:6])
	}
	if !utf16.IsSurrogate(first) {
		u.skip(6)
		return utf8.AppendRune(dst, first), nil
	}
	if second, err := codeUnit(b[6:]); err == nil {
		if r := utf16.DecodeRune(first, second); r != utf8.RuneError {
			u.skip(longestEscape)
			return utf8.AppendRune(dst, r), nil
		}
	}
	dst = append(dst, b[:6]...) // half a pair: the inner text is JSON, too, and can say it
	u.skip(6)
	return dst, nil
}

// codeUnit reads the escape \uXXXX at the start of b.
func codeUnit(b []byte) (rune, error) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, strconv.ErrSyntax
	}
	n, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	return rune(n), err
}

func (u *unquoter) errorf(format string, args ...any) error {
	return &Error{Line: 1, Offset: u.raw, Err: fmt.Errorf(format, args...)}
}

// failed says why reading failed.
func (u *unquoter) failed(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return &Error{Line: 1, Offset: u.raw, Err: errCut}
	}
	return err
}

// rawOffset returns where in the file the byte of a decoded chunk stands whose
// offset there is n.
func rawOffset(file io.ReaderAt, chunk int64, n int) int64 {
	u := &unquoter{r: bufio.NewReaderSize(io.NewSectionReader(file, chunk, 1<<62), chunkSize), raw: chunk}
	var decoded []byte
	for done := 0; done < n; done += len(decoded) {
		ready, _ := u.r.Peek(1)
		if len(ready) == 0 {
			break
		}
		decoded = append(decoded[:0], ready[0])
		if ready[0] != '\\' {
			u.skip(1)
			continue
		}
		var err error
		if decoded, err = u.escape(decoded[:0]); err != nil {
			break
		}
	}
	return u.raw
}

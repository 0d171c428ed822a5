package loki

import (
	"bufio"
	"errors"
	"io"

	"github.com/happn-host/happn-host/internal/rawjson"
)

// The collections of happn-3's database.
const (
	documentsCollection = "happn"
	archivesCollection  = "archives"
)

// errNoSnapshot says that the file is something else.
var errNoSnapshot = errors.New(`it does not begin with {"snapshot":"..."}, so it is no data file of happn-3's default store`)

// snapshot is the first line of a file.
type snapshot struct {
	file io.ReaderAt
	r    *bufio.Reader // reads the file from its start

	archives int   // counted by walk
	end      int64 // offset of what follows the line, valid after walk
}

// walk calls visit with the raw text of each document, which is valid during the
// call.
func (s *snapshot) walk(visit func(raw []byte, read int64) error) error {
	var at int64
	const head = `{"snapshot":"`
	begin, err := s.r.Peek(len(head))
	switch {
	case string(begin) == head:
	case len(begin) < len(head) && err != nil && !errors.Is(err, io.EOF):
		return err
	case len(begin) == 0:
		return &Error{Line: 1, Err: errors.New("the file is empty")}
	default:
		return &Error{Line: 1, Err: errNoSnapshot}
	}
	_, _ = s.r.Discard(len(head)) // of what is buffered
	at = int64(len(head))
	t := &text{in: &unquoter{r: s.r, raw: at, chunk: at}, file: s.file}
	if err := s.database(t, visit); err != nil {
		return err
	}
	if _, err := t.peek(); !errors.Is(err, io.EOF) {
		if err != nil {
			return err
		}
		return t.errorf("something follows the database")
	}
	return s.lineEnd(t.in)
}

// lineEnd takes the end of the line.
func (s *snapshot) lineEnd(u *unquoter) error {
	if c, err := s.r.ReadByte(); err != nil || c != '}' {
		if err != nil {
			return u.failed(err)
		}
		return u.errorf("%q where the snapshot's line should end", c)
	}
	u.raw++
	rest, err := s.r.ReadSlice('\n')
	s.end = u.raw + int64(len(rest))
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return err
	}
	if rawjson.Space(rest, 0) != len(rest) {
		return u.errorf("something follows the snapshot in its line")
	}
	return nil
}

// database walks through the serialised database.
func (s *snapshot) database(t *text, visit func(raw []byte, read int64) error) error {
	found := false
	err := t.members(func(name string) error {
		if name != "collections" {
			return t.skip()
		}
		return t.list('[', ']', func() error {
			is, err := s.collection(t, visit)
			found = found || is
			return err
		})
	})
	if err == nil && !found {
		return &Error{Line: 1, Err: errors.New(`the database has no collection "happn", so it is not happn-3's`)}
	}
	return err
}

// collection walks through a collection and reports whether it is that of the
// documents.
func (s *snapshot) collection(t *text, visit func(raw []byte, read int64) error) (is bool, err error) {
	var name string
	var raw []byte
	err = t.members(func(member string) error {
		switch {
		case member == "name":
			text, err := t.value(nil)
			name = string(rawjson.Unquote(text))
			return err
		case member != "data":
			return t.skip()
		case name == "":
			return t.errorf("a collection's data comes before its name, as happn-3 does not write it")
		case name == documentsCollection:
			return t.list('[', ']', func() error {
				if raw, err = t.value(raw[:0]); err != nil {
					return err
				}
				return visit(raw, t.in.raw)
			})
		case name == archivesCollection:
			return t.list('[', ']', func() error { s.archives++; return t.skip() })
		}
		return t.skip()
	})
	return name == documentsCollection, err
}

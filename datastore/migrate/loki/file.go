package loki

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/migrate"
)

var _ migrate.Source = (*File)(nil)

// Options says how to read.
type Options struct {
	// SkipBroken passes over lines below the snapshot that cannot be read, as
	// happn-3 does when it starts, where it would be an error otherwise.
	SkipBroken bool
}

// File is a data file. Open makes one. It is not safe for concurrent use.
type File struct {
	file     *os.File
	opened   os.FileInfo
	options  Options
	origin   migrate.Origin
	paths    map[string][]operation // on one path, in order
	order    []string               // of paths, by their first operation
	removals []removal
}

// Open looks through a file. When happn-3 was stopped while it put a new snapshot
// in place, what it left beside the file, under the name temp_<file>, is read.
func Open(ctx context.Context, name string, o Options) (*File, error) {
	f, err := open(ctx, name, o)
	if err == nil {
		return f, nil
	}
	at := new(Error)
	torn := errors.As(err, &at) && at.Line == 1
	if !torn && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	temp := filepath.Join(filepath.Dir(name), "temp_"+filepath.Base(name))
	g, tempErr := open(ctx, temp, o)
	if tempErr != nil {
		return nil, err
	}
	g.note("%v; read in its place: %s, which happn-3 leaves when it is stopped while it writes a snapshot", err, temp)
	return g, nil
}

func open(ctx context.Context, name string, o Options) (*File, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	f := &File{file: file, options: o, paths: make(map[string][]operation)}
	f.origin = migrate.Origin{Kind: "happn-3 data file", Name: name}
	if f.opened, err = file.Stat(); err == nil && !f.opened.Mode().IsRegular() {
		err = errors.New("it is not a file")
	}
	if err == nil {
		f.origin.Bytes = f.opened.Size()
		err = f.survey(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("reading %s: %w", name, err), file.Close())
	}
	return f, nil
}

func (f *File) note(format string, args ...any) {
	f.origin.Notes = append(f.origin.Notes, fmt.Sprintf(format, args...))
}

// Origin implements migrate.Source. The number of documents is that of the
// snapshot.
func (f *File) Origin() migrate.Origin { return f.origin }

// Close implements migrate.Source.
func (f *File) Close() error { return f.file.Close() }

// section reads the file from an offset to where it ended when it was opened.
func (f *File) section(from int64) io.Reader {
	return io.NewSectionReader(f.file, from, f.origin.Bytes-from)
}

// survey reads the whole file once.
func (f *File) survey(ctx context.Context) error {
	sum := sha256.New()
	r := bufio.NewReaderSize(io.TeeReader(f.section(0), sum), 4*chunkSize)
	s := &snapshot{file: f.file, r: r}
	err := s.walk(func([]byte, int64) error {
		f.origin.Documents++
		if f.origin.Documents%1000 == 0 {
			return ctx.Err()
		}
		return nil
	})
	if err != nil {
		return err
	}
	if s.archives > 0 {
		f.note("happn-3 made %d archives beside this file; they are data files in zip files, and are not part of what is read", s.archives)
	}
	if err := f.operations(ctx, r, s.end); err != nil {
		return err
	}
	f.origin.Sum = hex.EncodeToString(sum.Sum(nil))
	return f.unchanged()
}

// operations remembers the lines below the snapshot.
func (f *File) operations(ctx context.Context, r *bufio.Reader, at int64) error {
	var clock int64
	for number := 2; ; number++ {
		line, err := r.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		last := err != nil
		here := operation{line: number, offset: at, size: len(line)}
		at += int64(len(line))
		if len(bytes.TrimSpace(line)) > 0 {
			if err := f.remember(line, here, &clock); err != nil {
				if err := f.broken(here, last, err); err != nil {
					return err
				}
			}
		}
		if last {
			return ctx.Err()
		}
		if number%1000 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// broken decides what to do about a line that cannot be read. The last one may
// be what a crash left of a write, about which nobody was told.
func (f *File) broken(at operation, last bool, err error) error {
	switch {
	case last:
		f.note("line %d, the last one, is unfinished, as a crash leaves it: nobody was told that it had succeeded", at.line)
	case f.options.SkipBroken:
		f.note("line %d, byte %d is passed over: %v", at.line, at.offset, err)
	default:
		return &Error{Line: at.line, Offset: at.offset, Err: err}
	}
	return nil
}

// remember files a line under its path.
func (f *File) remember(line []byte, at operation, clock *int64) error {
	p, err := parse(line)
	if err != nil {
		return err
	}
	*clock = max(*clock, p.time())
	if at.clock = *clock; at.clock == 0 {
		at.clock = f.opened.ModTime().Truncate(time.Millisecond).UnixMilli()
	}
	if p.byPattern() {
		r, err := p.removal(at)
		if err != nil { // it is better to keep too much
			f.note("line %d removes %q by criteria that cannot be judged here, so nothing is removed: %v", at.line, p.path, err)
			return nil
		}
		f.removals = append(f.removals, r)
		return nil
	}
	if f.paths[p.path] == nil {
		f.order = append(f.order, p.path)
	}
	f.paths[p.path] = append(f.paths[p.path], at)
	return nil
}

// ErrChanged says that somebody writes to the file.
var ErrChanged = errors.New("the file changes while it is read; stop happn-3 first, or copy the file and read the copy")

func (f *File) unchanged() error {
	now, err := f.file.Stat()
	if err == nil && (now.Size() != f.opened.Size() || !now.ModTime().Equal(f.opened.ModTime())) {
		err = ErrChanged
	}
	return err
}

// Documents implements migrate.Source: first the documents of the snapshot, then
// those that only the lines below it made.
func (f *File) Documents(ctx context.Context, yield func(migrate.Item) error) error {
	s := &snapshot{file: f.file, r: bufio.NewReaderSize(f.section(0), 4*chunkSize)}
	seen := make(map[string]bool, len(f.paths)) // those with operations
	number := 0
	err := s.walk(func(raw []byte, read int64) error {
		number++
		item := migrate.Item{Place: migrate.Place{Line: 1, Number: number}, Read: read}
		doc, err := readDocument(raw)
		if item.Doc.Path = doc.Path; err != nil {
			item.Fault = err.Error()
		}
		if len(f.paths[doc.Path]) > 0 {
			seen[doc.Path] = true
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if item.Fault != "" && len(f.paths[doc.Path]) == 0 {
			return yield(item)
		}
		before := &doc
		if item.Fault != "" {
			before = nil
		}
		return f.replay(doc.Path, before, item, yield)
	})
	if err != nil {
		return fmt.Errorf("reading %s: %w", f.origin.Name, err)
	}
	for _, path := range f.order {
		if seen[path] {
			continue
		}
		if err := errors.Join(ctx.Err(), f.replay(path, nil, migrate.Item{Read: s.end}, yield)); err != nil {
			return err
		}
	}
	return f.unchanged()
}

// replay carries out what was done to one path since the snapshot, and yields
// what is left.
func (f *File) replay(path string, doc *datastore.Document, item migrate.Item, yield func(migrate.Item) error) error {
	removals := f.removals
	for _, at := range f.paths[path] {
		for len(removals) > 0 && removals[0].line < at.line {
			doc = removals[0].from(doc)
			removals = removals[1:]
		}
		line := make([]byte, at.size)
		if _, err := f.file.ReadAt(line, at.offset); err != nil {
			return err
		}
		p, err := parse(line)
		if err != nil {
			return ErrChanged
		}
		item.Fault, item.Place, item.Read = "", migrate.Place{Line: at.line}, max(item.Read, at.offset+int64(at.size))
		if doc, err = apply(doc, p, at.clock); err != nil {
			item.Fault = err.Error()
		}
	}
	for _, r := range removals {
		doc = r.from(doc)
	}
	switch {
	case item.Fault != "":
		item.Doc.Path = path
	case doc == nil:
		return nil
	default:
		item.Doc = *doc
	}
	return yield(item)
}

// from returns what the removal leaves of a document.
func (r *removal) from(doc *datastore.Document) *datastore.Document {
	if doc == nil || !r.paths.MatchString(doc.Path) {
		return doc
	}
	if r.criteria != nil && !r.criteria(decoded(doc)) {
		return doc
	}
	return nil
}

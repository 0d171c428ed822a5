package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/memory"
	"github.com/happn-host/happn-host/datastore/migrate"
)

var _ migrate.Source = (*File)(nil)

// File is a backup. Open makes one. It is not safe for concurrent use.
type File struct {
	file   *os.File
	origin migrate.Origin
}

// Is reports whether a file begins as a backup does.
func Is(name string) (bool, error) {
	f, err := os.Open(name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	return memory.IsBackup(f), nil
}

// Open looks through a backup and checks its sum.
func Open(ctx context.Context, name string) (*File, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	f := &File{file: file, origin: migrate.Origin{Kind: "backup", Name: name}}
	if err := f.survey(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("reading %s: %w", name, err), file.Close())
	}
	return f, nil
}

func (f *File) survey(ctx context.Context) error {
	info, err := f.file.Stat()
	if err != nil {
		return err
	}
	f.origin.Bytes = info.Size()
	got, err := f.read(func(*datastore.Document, int64) error { return ctx.Err() })
	f.origin.Sum, f.origin.Documents = got.Sum, got.Documents
	f.origin.Notes = []string{"it shows its store as of " + got.Taken.UTC().Format("2006-01-02 15:04:05 MST")}
	return err
}

// Origin implements migrate.Source.
func (f *File) Origin() migrate.Origin { return f.origin }

// Close implements migrate.Source.
func (f *File) Close() error { return f.file.Close() }

// Documents implements migrate.Source.
func (f *File) Documents(ctx context.Context, yield func(migrate.Item) error) error {
	got, err := f.read(func(doc *datastore.Document, at int64) error {
		return errors.Join(ctx.Err(), yield(migrate.Item{Doc: *doc, Read: at}))
	})
	if err == nil && got.Sum != f.origin.Sum {
		err = fmt.Errorf("%s has changed while it was read; try again", f.origin.Name)
	}
	return err
}

// read calls visit for each document, with the bytes read so far.
func (f *File) read(visit func(*datastore.Document, int64) error) (datastore.Snapshot, error) {
	r := &counter{r: io.NewSectionReader(f.file, 0, f.origin.Bytes)}
	return memory.ReadBackup(r, func(doc *datastore.Document) error { return visit(doc, r.n) })
}

// counter counts what is read.
type counter struct {
	r io.Reader
	n int64
}

// Read implements io.Reader.
func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

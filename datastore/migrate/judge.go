package migrate

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// judge decides about one document at a time.
type judge struct {
	options Options
	scanner rawjson.Scanner
}

// refuse reports why a document cannot be stored.
func (j *judge) refuse(item *Item) error {
	doc := &item.Doc
	switch {
	case item.Fault != "":
		return errors.New(item.Fault)
	case doc.Path == "":
		return errors.New("its path is empty")
	case !utf8.ValidString(doc.Path):
		return errors.New("its path is not UTF-8")
	case j.options.PathBytes > 0 && len(doc.Path) > j.options.PathBytes:
		return fmt.Errorf("its path has %d bytes, limits.pathBytes allows %d", len(doc.Path), j.options.PathBytes)
	case !rawjson.IsObject(doc.Data):
		return errors.New("its data are no object")
	}
	if err := j.scanner.Valid(doc.Data); err != nil {
		return fmt.Errorf("its data, with at most limits.jsonDepth levels: %w", err)
	}
	if _, has := rawjson.Lookup(doc.Data, "_meta"); has {
		return errors.New(`its data have a member "_meta", which is the server's`)
	}
	return j.options.Target.CanImport(doc)
}

// verdict is what becomes of a document that can be stored.
type verdict int

const (
	fresh    verdict = iota // nothing is there
	same                    // it is there
	replace                 // another one is there and gives way
	keep                    // another one is there and stays
	conflict                // another one is there, which ends the copy
)

// decide compares a document with what the target has at its path.
func (j *judge) decide(doc, there *datastore.Document) verdict {
	switch {
	case there == nil:
		return fresh
	case equal(doc, there):
		return same
	}
	switch policy := j.options.OnConflict; {
	case policy == Skip, policy == Newer && there.Modified >= doc.Modified:
		return keep
	case policy == Overwrite, policy == Newer:
		return replace
	}
	return conflict
}

package effect

import (
	"bytes"
	"errors"

	"github.com/happn-host/happn-host/datastore"
)

// Next makes the document that the write leaves behind; before is nil if there
// is none. It keeps nothing of the write, and leaves before as it is.
func Next(before *datastore.Document, w *datastore.Write) (*datastore.Document, error) {
	switch {
	case w.When == datastore.IfAbsent && before != nil:
		return nil, datastore.ErrExists
	case w.When == datastore.IfPresent && before == nil:
		return nil, datastore.ErrMissing
	case w.When > datastore.IfPresent:
		return nil, errUnknownCondition
	}
	doc := &datastore.Document{Created: w.Now, Modified: w.Now, ModifiedBy: w.User, Tag: w.Tag}
	var old []byte
	if before != nil {
		doc.Path, doc.Created, old = before.Path, before.Created, before.Data
		if w.Tag == "" {
			doc.Tag = before.Tag
		}
	}
	var err error
	switch {
	case w.Op == datastore.Increment:
		doc.Data, err = increment(old, w.Gauge, w.By)
	case w.Op == datastore.Merge && old != nil:
		doc.Data = merge(old, w.Data)
	case w.Op == datastore.Put, w.Op == datastore.Merge:
		doc.Data = bytes.Clone(w.Data)
	default:
		err = errUnknownOp
	}
	if err != nil {
		return nil, err
	}
	if before == nil {
		doc.Path = string(w.Path)
	}
	return doc, nil
}

// errUnknownCondition is the answer to a Write whose When is none of the three.
var errUnknownCondition = errors.New("a write must be for any path, for an absent document or for a present one")

// errUnknownOp is the answer to a Write whose Op is none of the three.
var errUnknownOp = errors.New("a write must be a put, a merge or an increment")

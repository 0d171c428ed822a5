package replica

import (
	"bytes"
	"fmt"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// change is one entry of the log. Its place, from 1, is its time.
type change struct {
	kind          string // operationType
	namespace     string
	id            bson.RawValue
	before, after bson.Raw
	updated       bson.D // fields that an update has set
	removed       bson.A // names of those that it has removed
	imaged        bool   // the images were kept
}

// note logs what has become of a collection.
func (s *Set) note(namespace string, before, after *mirror, replaces bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	add := func(c change) {
		c.namespace, c.imaged = namespace, s.images[namespace]
		s.log = append(s.log, c)
	}
	for _, key := range before.order {
		if was := before.docs[key]; after.docs[key] == nil {
			add(change{kind: "delete", id: was.Lookup("_id"), before: was})
		}
	}
	for _, key := range after.order {
		was, is := before.docs[key], after.docs[key]
		c := change{kind: "insert", id: is.Lookup("_id"), before: was, after: is}
		switch {
		case was == nil:
			add(c)
		case bytes.Equal(was, is):
		case replaces:
			c.kind = "replace"
			add(c)
		default:
			c.kind = "update"
			c.compare("", was, is)
			add(c)
		}
	}
	s.tell()
}

// compare notes which fields have changed, by their dotted names.
func (c *change) compare(prefix string, was, is bson.Raw) {
	elements, _ := is.Elements()
	for _, e := range elements {
		old, err := was.LookupErr(e.Key())
		now := e.Value()
		if err == nil && old.Equal(now) {
			continue
		}
		inOld, wasDoc := old.DocumentOK()
		inNow, isDoc := now.DocumentOK()
		if err == nil && wasDoc && isDoc {
			c.compare(prefix+e.Key()+".", inOld, inNow)
			continue
		}
		c.updated = append(c.updated, bson.E{Key: prefix + e.Key(), Value: now})
	}
	elements, _ = was.Elements()
	for _, e := range elements {
		if _, err := is.LookupErr(e.Key()); err != nil {
			c.removed = append(c.removed, prefix+e.Key())
		}
	}
}

// token is what resumes a stream after the change at a place.
func token(place int) bson.D {
	return bson.D{{Key: "_data", Value: fmt.Sprintf("%016X", place)}}
}

// event is a change as a stream tells it.
func (c *change) event(place int, k *cursor, blind bool) bson.D {
	db, collection, _ := strings.Cut(c.namespace, ".")
	e := bson.D{{Key: "_id", Value: token(place)}, {Key: "operationType", Value: c.kind},
		{Key: "clusterTime", Value: bson.Timestamp{T: 1, I: uint32(place)}}}
	if c.kind != "invalidate" {
		e = append(e, bson.E{Key: "ns", Value: bson.D{{Key: "db", Value: db}, {Key: "coll", Value: collection}}})
	}
	if c.id.IsZero() {
		return e
	}
	e = append(e, bson.E{Key: "documentKey", Value: bson.D{{Key: "_id", Value: c.id}}})
	imaged := c.imaged && !blind
	switch {
	case c.kind == "insert" || c.kind == "replace":
		e = append(e, bson.E{Key: "fullDocument", Value: c.after})
	case c.kind == "update" && k.whole:
		e = append(e, bson.E{Key: "fullDocument", Value: image(c.after, imaged)})
	}
	if c.kind == "update" {
		e = append(e, bson.E{Key: "updateDescription", Value: bson.D{{Key: "updatedFields", Value: orEmpty(c.updated)},
			{Key: "removedFields", Value: append(bson.A{}, c.removed...)}, {Key: "truncatedArrays", Value: bson.A{}}}})
	}
	if k.before && c.kind != "insert" {
		e = append(e, bson.E{Key: "fullDocumentBeforeChange", Value: image(c.before, imaged)})
	}
	return e
}

// image is a document as it was, or null if that was not kept.
func image(doc bson.Raw, kept bool) any {
	if !kept {
		return nil
	}
	return doc
}

func orEmpty(d bson.D) bson.D {
	if d == nil {
		return bson.D{}
	}
	return d
}

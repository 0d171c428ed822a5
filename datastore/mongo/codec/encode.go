package codec

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// Bounds of MongoDB, checked here so that a document beyond them is refused by
// itself and not with everything that is sent beside it.
const (
	maxDepth = 98       // of data: a document nests 100 levels, and data is the second
	maxBytes = 16 << 20 // of a document
)

// ErrNotStorable is wrapped with the reason why MongoDB cannot keep a document.
var ErrNotStorable = errors.New("MongoDB cannot keep this document")

// Field names of a happn document.
const (
	Path       = "path"
	Data       = "data"
	Created    = "created"
	Modified   = "modified"
	ModifiedBy = "modifiedBy"
	Tag        = "_tag"

	// Writer says who wrote last, where hosts tell their own writes from those of
	// others. It is no part of a happn document.
	Writer = "_writer"
)

// Encode returns the BSON document of a happn document, without _id.
func Encode(doc *datastore.Document) ([]byte, error) {
	start, dst := bsoncore.AppendDocumentStart(make([]byte, 0, len(doc.Path)+len(doc.Data)+128))
	dst = bsoncore.AppendStringElement(dst, Path, doc.Path)
	dst = bsoncore.AppendHeader(dst, bsoncore.TypeEmbeddedDocument, Data)
	dst, err := appendObject(dst, doc.Data, 1)
	if err != nil {
		return nil, err
	}
	dst = bsoncore.AppendInt64Element(dst, Created, doc.Created)
	dst = bsoncore.AppendInt64Element(dst, Modified, doc.Modified)
	if doc.ModifiedBy != "" {
		dst = bsoncore.AppendStringElement(dst, ModifiedBy, doc.ModifiedBy)
	}
	if doc.Tag != "" {
		dst = bsoncore.AppendStringElement(dst, Tag, doc.Tag)
	}
	dst, err = bsoncore.AppendDocumentEnd(dst, start)
	if err == nil && len(dst) > maxBytes {
		err = fmt.Errorf("%w: it takes %d bytes there, and at most %d are allowed; split it", ErrNotStorable, len(dst), maxBytes)
	}
	return dst, err
}

// Object returns the BSON document of a JSON object, which must be valid.
func Object(raw []byte) ([]byte, error) {
	dst, err := appendObject(make([]byte, 0, len(raw)+32), raw, 1)
	if err == nil && len(dst) > maxBytes {
		err = fmt.Errorf("%w: it takes %d bytes there, and at most %d are allowed; split it", ErrNotStorable, len(dst), maxBytes)
	}
	return dst, err
}

// AppendValue appends a JSON value, which must be valid, and returns its type
// in BSON as the first result.
func AppendValue(dst, raw []byte) (byte, []byte, error) {
	t, dst, err := appendValue(dst, raw, 1)
	return byte(t), dst, err
}

func appendValue(dst, raw []byte, depth int) (bsoncore.Type, []byte, error) {
	raw = raw[rawjson.Space(raw, 0):]
	if len(raw) == 0 {
		return 0, dst, errors.New("a JSON value is missing")
	}
	switch raw[0] {
	case '{':
		dst, err := appendObject(dst, raw, depth)
		return bsoncore.TypeEmbeddedDocument, dst, err
	case '[':
		dst, err := appendArray(dst, raw, depth)
		return bsoncore.TypeArray, dst, err
	case '"':
		text := rawjson.Unquote(raw)
		if !utf8.Valid(text) {
			return 0, dst, fmt.Errorf("%w: a text in it is not valid UTF-8", ErrNotStorable)
		}
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(text))+1)
		return bsoncore.TypeString, append(append(dst, text...), 0), nil
	case 't':
		return bsoncore.TypeBoolean, bsoncore.AppendBoolean(dst, true), nil
	case 'f':
		return bsoncore.TypeBoolean, bsoncore.AppendBoolean(dst, false), nil
	case 'n':
		return bsoncore.TypeNull, dst, nil
	}
	t, dst := appendNumber(dst, raw)
	return t, dst, nil
}

// appendObject appends an object as a document. Of members with the same name
// the last one counts, in the place of the first, as in JavaScript.
func appendObject(dst, raw []byte, depth int) ([]byte, error) {
	if depth > maxDepth {
		return dst, fmt.Errorf("%w: it nests more than %d levels deep", ErrNotStorable, maxDepth)
	}
	start, dst := bsoncore.AppendDocumentStart(dst)
	var few [mapFrom]member // most objects have no more
	for _, m := range membersOf(few[:0], raw) {
		var err error
		if dst, err = appendElement(dst, escaped(m.name), m.value, depth); err != nil {
			return dst, err
		}
	}
	return end(dst, start)
}

// appendElement appends a name and a value.
func appendElement(dst, name, value []byte, depth int) ([]byte, error) {
	at := len(dst)
	dst = append(append(append(dst, byte(bsoncore.TypeNull)), name...), 0)
	t, dst, err := appendValue(dst, value, depth+1)
	dst[at] = byte(t)
	return dst, err
}

func appendArray(dst, raw []byte, depth int) ([]byte, error) {
	if depth > maxDepth {
		return dst, fmt.Errorf("%w: it nests more than %d levels deep", ErrNotStorable, maxDepth)
	}
	start, dst := bsoncore.AppendArrayStart(dst)
	n := 0
	var name [20]byte // digits of an int64
	for value := range rawjson.Elements(raw) {
		var err error
		if dst, err = appendElement(dst, strconv.AppendInt(name[:0], int64(n), 10), value, depth); err != nil {
			return dst, err
		}
		n++
	}
	return end(dst, start)
}

// end writes the length of what began at start.
func end(dst []byte, start int32) ([]byte, error) {
	if len(dst) >= math.MaxInt32 {
		return dst, fmt.Errorf("%w: it is larger than 2 GiB", ErrNotStorable)
	}
	return bsoncore.AppendDocumentEnd(dst, start)
}

type member struct {
	name  []byte // decoded
	value []byte // raw
}

// mapFrom is the number of members from which a map finds a name sooner than
// looking at each.
const mapFrom = 16

// membersOf appends the members of a raw object to all, which is empty, each
// name once.
func membersOf(all []member, raw []byte) []member {
	var places map[string]int
	for name, value := range rawjson.Members(raw) {
		at := -1
		if places != nil {
			if i, ok := places[string(name)]; ok {
				at = i
			}
		} else {
			at = slices.IndexFunc(all, func(m member) bool { return string(m.name) == string(name) })
		}
		if at >= 0 {
			all[at].value = value
			continue
		}
		all = append(all, member{name, value})
		switch {
		case places != nil:
			places[string(name)] = len(all) - 1
		case len(all) == mapFrom:
			places = make(map[string]int, 2*mapFrom)
			for i, m := range all {
				places[string(m.name)] = i
			}
		}
	}
	return all
}

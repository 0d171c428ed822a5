package codec

import (
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// Lost tells what Decode does not keep of a document that it can read, each once
// and in order: fields that happn does not know, and values in the data of types
// that JSON does not have.
func Lost(raw []byte) []string {
	var all []string
	note := func(what string) {
		if !slices.Contains(all, what) {
			all = append(all, what)
		}
	}
	elements, _ := bsoncore.Document(raw).Elements() // Decode has read them
	for _, e := range elements {
		switch e.Key() {
		case Data:
			lostOf(e.Value(), note)
		case "_id", Path, Created, Modified, ModifiedBy, Tag, Writer:
		default:
			note(fmt.Sprintf("the field %q", e.Key()))
		}
	}
	slices.Sort(all)
	return all
}

// lostOf notes the types of a value, and of those in it.
func lostOf(v bsoncore.Value, note func(string)) {
	var parts []bsoncore.Value
	switch v.Type {
	case bsoncore.TypeEmbeddedDocument:
		parts, _ = v.Document().Values()
	case bsoncore.TypeArray:
		parts, _ = v.Array().Values()
	case bsoncore.TypeString, bsoncore.TypeInt32, bsoncore.TypeInt64, bsoncore.TypeDouble,
		bsoncore.TypeDecimal128, bsoncore.TypeBoolean, bsoncore.TypeNull:
	default:
		note(fmt.Sprintf("the BSON type %s", v.Type))
	}
	for _, part := range parts {
		lostOf(part, note)
	}
}

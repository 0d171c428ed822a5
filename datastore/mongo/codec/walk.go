package codec

import (
	"errors"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// errCut is the error of BSON that ends too soon, or later than it says.
var errCut = errors.New("it is cut short or not as its length says")

// walk goes through the elements of a document or an array one after the other,
// without a list of them. What stands inside a value is not looked at.
type walk struct {
	rest []byte
	err  error // why it ended, nil at the end
}

// walkThrough begins with the first element.
func walkThrough(document []byte) walk {
	const least = 5 // the length, and the zero at the end
	size, rest, ok := bsoncore.ReadLength(document)
	if !ok || size < least || int(size) > len(document) || document[size-1] != 0 {
		return walk{err: errCut}
	}
	return walk{rest: rest[:size-least]}
}

// next returns an element, false at the end.
func (w *walk) next() (name []byte, v bsoncore.Value, ok bool) {
	if len(w.rest) == 0 {
		return nil, v, false
	}
	e, rest, ok := bsoncore.ReadElement(w.rest)
	if !ok {
		w.rest, w.err = nil, errCut
		return nil, v, false
	}
	w.rest = rest
	name = e.KeyBytes()
	return name, bsoncore.Value{Type: bsoncore.Type(e[0]), Data: e[1+len(name)+1:]}, true
}

// text is the text of a string value, borrowed from it.
func text(v bsoncore.Value) ([]byte, bool) {
	const before = 4 // the length, which counts the zero at the end
	size, rest, ok := bsoncore.ReadLength(v.Data)
	if v.Type != bsoncore.TypeString || !ok || size < 1 || len(v.Data)-before < int(size) {
		return nil, false
	}
	return rest[:size-1], true
}

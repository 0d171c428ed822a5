package match

import (
	"bytes"
	"index/suffixarray"
	"slices"

	"github.com/happn-host/happn-host/internal/rawjson"
)

// contains is about the elements of an array, the parts of a text, or the
// member names of an object. It goes through those once, however much is wanted.
type contains struct {
	values valueSet
	names  [][]byte // what is wanted as pieces of text or names, each once and in order
	every  bool     // all that is wanted, or any
}

// containing takes an array as a list of what is wanted, anything else as itself.
func containing(arg value, every bool) contains {
	list := []value{arg}
	if arg.kind == array {
		list = elementsOf(arg.raw)
	}
	t := contains{values: setOf(nil, list), every: every}
	for _, v := range t.values.sorted {
		t.names = append(t.names, nameOf(v))
	}
	slices.SortFunc(t.names, bytes.Compare)
	t.names = slices.CompactFunc(t.names, bytes.Equal)
	return t
}

func (t contains) holds(v value) bool {
	switch v.kind {
	case array:
		return t.inArray(v.raw)
	case text:
		return t.inText(v.text())
	case object:
		return t.inObject(v.raw)
	}
	return false
}

func (t *contains) inArray(arr []byte) bool {
	found := tallyOf(len(t.values.sorted), t.every)
	for i := 1; found.left > 0; {
		var elem []byte
		if elem, i = rawjson.NextElement(arr, i); i < 0 {
			return false
		}
		if n, ok := t.values.find(valueOf(elem)); ok {
			found.see(n)
		}
	}
	return true
}

func (t *contains) inObject(obj []byte) bool {
	found := tallyOf(len(t.names), t.every)
	for i := 1; found.left > 0; {
		var name []byte
		if name, _, i = rawjson.NextMember(obj, i); i < 0 {
			return false
		}
		if n, ok := slices.BinarySearchFunc(t.names, rawjson.Name(name), bytes.Compare); ok {
			found.see(n)
		}
	}
	return true
}

// fewPieces is how many pieces are looked for one by one. A suffix array costs
// as much as some hundred of such searches, and makes the others cheap.
const fewPieces = 128

func (t *contains) inText(s []byte) bool {
	in := func(piece []byte) bool { return bytes.Contains(s, piece) }
	if len(t.names) > fewPieces {
		suffixes := suffixarray.New(s)
		in = func(piece []byte) bool { return len(piece) == 0 || suffixes.Lookup(piece, 1) != nil }
	}
	for _, name := range t.names {
		if in(name) != t.every {
			return !t.every
		}
	}
	return t.every
}

package match

import (
	"bytes"
	"strings"

	"github.com/happn-host/happn-host/datastore/expr"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// Fields is a compiled projection. It is immutable and safe for concurrent
// use. A nil Fields selects everything.
type Fields struct {
	exclude bool // fields are left out; otherwise only they are taken
	data    fieldTree
	meta    metaSet // fields beside the data that are shown, apart from the path
	source  []byte
}

// fieldTree holds dotted names; one without children is taken, or left out, as a whole.
type fieldTree struct {
	name string
	kids []fieldTree
	cut  *cut // of an array only a part is taken
}

// metaSet says which fields beside the data are shown. The path always is.
type metaSet uint8

const (
	showCreated metaSet = 1 << iota
	showModified
	showModifiedBy
	showAllMeta = showCreated | showModified | showModifiedBy
)

// CompileFields compiles a projection as a client sends it: {field: 1, ...}
// returns only these fields, {field: 0, ...} (or false) all but these. Values
// other than 0 and false count as 1. The two may not be mixed. {field: {$slice:
// n}} or {$slice: [skip, n]} takes a part of an array and goes with both;
// {field: {$elemMatch: criteria}} takes the field with the first element that
// matches. An empty projection selects everything. Errors that the client caused are of type
// *Error.
func CompileFields(raw []byte) (*Fields, error) {
	raw, err := checked(raw, "fields")
	if err != nil {
		return nil, err
	}
	f := &Fields{exclude: true, meta: showAllMeta}
	if err := f.chooseMode(raw, expr.Root("fields")); err != nil {
		return nil, err
	}
	if !f.exclude {
		f.meta = 0
	}
	f.source = append(f.source, '{')
	at := expr.Root("fields")
	for name, val := range rawjson.Members(raw) {
		cut, err := compileCut(val, at.Key(string(name)))
		if err != nil {
			return nil, err
		}
		f.add(string(name), val, isExclusion(val), cut)
	}
	f.source = closeWith(f.source, '}')
	return f, nil
}

// chooseMode finds out whether the fields are to be taken or left out.
func (f *Fields) chooseMode(raw []byte, at *expr.Place) error {
	decided := false
	for name, val := range rawjson.Members(raw) {
		at := at.Key(string(name))
		switch {
		case len(name) > 0 && name[0] == '$':
			return at.Up().Errorf("unknown operator %s", name)
		case isOperators(val):
			operator, _, _ := rawjson.NextMember(val, 1)
			if from, _, _ := translate(string(name)); from != fromData || (string(operator) != "$slice" && string(operator) != "$elemMatch") {
				return at.Errorf("unknown operator %s", operator)
			}
			if string(operator) == "$slice" { // goes with either mode
				continue
			}
		case bytes.Count(name, []byte{'.'}) >= maxSegments:
			return at.Errorf("the path has more than %d components", maxSegments)
		}
		from, full, _ := translate(string(name))
		if from == fromPath || full == "_id" { // may be had, or not, in either mode
			if !decided && !isExclusion(val) {
				f.exclude = false
			}
			continue
		}
		if decided && f.exclude != isExclusion(val) {
			return at.Errorf("fields are either all taken (1) or all left out (0), found both")
		}
		f.exclude, decided = isExclusion(val), true
	}
	return nil
}

func isExclusion(val []byte) bool {
	v := valueOf(val)
	switch v.kind {
	case boolean:
		return v.n == 0
	case number:
		return compareNumbers(v, intValue(0)) == 0
	}
	return false
}

func (f *Fields) add(name string, val []byte, out bool, cut *cut) {
	from, full, within := translate(name)
	f.source = rawjson.AppendString(f.source, full)
	switch {
	case cut != nil:
		f.source = append(append(append(f.source, ':'), val...), ',')
	case out:
		f.source = append(f.source, ":0,"...)
	default:
		f.source = append(f.source, ":1,"...)
	}
	if from == fromData {
		f.data.add(within, cut)
		return
	}
	if out != f.exclude {
		return
	}
	var set metaSet
	switch from {
	case fromCreated:
		set = showCreated
	case fromModified:
		set = showModified
	case fromModifiedBy:
		set = showModifiedBy
	case fromNowhere:
		if full == "_meta" {
			set = showAllMeta
		}
	}
	if f.exclude {
		f.meta &^= set
	} else {
		f.meta |= set
	}
}

// add adds a dotted name. Of a name and names below it the shorter one counts.
func (t *fieldTree) add(dotted string, cut *cut) {
	fresh := false
	for name := range strings.SplitSeq(dotted, ".") {
		kid := t.find([]byte(name))
		switch {
		case kid == nil:
			t.kids = append(t.kids, fieldTree{name: name})
			kid, fresh = &t.kids[len(t.kids)-1], true
		case len(kid.kids) == 0 && !fresh:
			return // taken as a whole already
		}
		t = kid
	}
	t.kids, t.cut = nil, cut
}

func (t *fieldTree) find(name []byte) *fieldTree {
	for i := range t.kids {
		if t.kids[i].name == string(name) {
			return &t.kids[i]
		}
	}
	return nil
}

// Source returns the projection as raw JSON with field names translated. It
// must not be changed.
func (f *Fields) Source() []byte {
	if f == nil {
		return []byte("{}")
	}
	return f.source
}

package aggregate

import (
	"strings"

	"github.com/happn-host/happn-host/datastore/expr"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// unwind is $unwind: a document for each element of an array.
type unwind struct {
	path  []string
	index string // the field for the index, or none
	empty bool   // documents without elements stay
}

func (c *compiler) unwind(raw []byte, at *expr.Place) (stage, error) {
	u := unwind{}
	if rawjson.IsObject(raw) {
		if err := known("$unwind", raw, at, "path", "includeArrayIndex", "preserveNullAndEmptyArrays"); err != nil {
			return nil, err
		}
		if name, ok := rawjson.Lookup(raw, "includeArrayIndex"); ok {
			u.index, _ = text(name)
			if names, err := fieldName(u.index, at); err != nil || len(names) > 1 {
				return nil, at.Errorf("includeArrayIndex must be the name of a field")
			}
		}
		keep, _ := rawjson.Lookup(raw, "preserveNullAndEmptyArrays")
		u.empty = expr.FromJSON(keep).Truthy()
		raw, _ = rawjson.Lookup(raw, "path")
	}
	path, ok := text(raw)
	if !ok || !strings.HasPrefix(path, "$") {
		return nil, at.Errorf("$unwind needs a path that begins with $")
	}
	var err error
	u.path, err = fieldName(path[1:], at)
	return u, err
}

func (u unwind) start(r *run, next sink) sink { return &unwindSink{u, r, next} }

type unwindSink struct {
	unwind
	run  *run
	next sink
}

func (s *unwindSink) add(doc expr.Value) (bool, error) {
	v := plain(doc, s.path)
	if v.Kind() != expr.Array {
		if v.IsNullish() && !s.empty {
			return true, nil
		}
		return s.next.add(s.numbered(doc, expr.NullValue()))
	}
	i := int64(0)
	doc = set(doc, s.path, v) // reads the text around the array, once for all elements
	for elem := range v.Elements() {
		one := set(doc, s.path, elem)
		if err := s.run.multiply(one); err != nil {
			return false, err
		}
		if more, err := s.next.add(s.numbered(one, expr.IntValue(i))); err != nil || !more {
			return more, err
		}
		i++
	}
	if i == 0 && s.empty {
		return s.next.add(s.numbered(set(doc, s.path, expr.Value{}), expr.NullValue()))
	}
	return true, nil
}

func (s *unwindSink) end() error { return s.next.end() }

func (s *unwindSink) numbered(doc, index expr.Value) expr.Value {
	if s.index == "" {
		return doc
	}
	return doc.With(s.index, index)
}

// plain follows a path through objects only.
func plain(v expr.Value, path []string) expr.Value {
	for _, name := range path {
		v = v.Get(name)
	}
	return v
}

// set returns the object with another value at a path, or without one.
func set(v expr.Value, path []string, to expr.Value) expr.Value {
	if len(path) == 0 {
		return to
	}
	if v.Kind() != expr.Object {
		v = expr.ObjectValue(nil)
	}
	return v.With(path[0], set(v.Get(path[0]), path[1:], to))
}

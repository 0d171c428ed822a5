package aggregate

import (
	"slices"

	"github.com/happn-host/happn-host/datastore/expr"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// branch is a field that $project, $addFields or $unset have something to say
// about, or some below it.
type branch struct {
	name     string
	kids     []branch
	value    *expr.Expression // a leaf that is made anew
	computes bool             // it, or one below it, is made anew
}

// shape is a compiled $project, $addFields or $unset.
type shape struct {
	include bool // fields that are not named are left out
	exclude bool // fields that are named are left out
	root    branch
}

func (s *shape) transform() transform {
	return func(r *run, doc expr.Value) (expr.Value, bool, error) {
		w := shaping{shape: s, run: r, doc: doc}
		out := w.object(&s.root, doc)
		return out, true, w.err
	}
}

// shaping is one document's way through a shape.
type shaping struct {
	*shape
	run *run
	doc expr.Value
	err error
}

func (w *shaping) object(b *branch, v expr.Value) expr.Value {
	out := make([]expr.Member, 0, len(b.kids)+4)
	var done uint64
	for name, val := range v.Members() {
		i := slices.IndexFunc(b.kids, func(kid branch) bool { return kid.name == name })
		switch {
		case i < 0:
			if !w.include {
				out = append(out, expr.Member{Name: name, Value: val})
			}
			continue
		case w.include && b.kids[i].value != nil: // made anew, after what is kept
			continue
		}
		if i < 64 {
			done |= 1 << i
		}
		if val = w.member(&b.kids[i], val); val.Kind() != expr.Missing {
			out = append(out, expr.Member{Name: name, Value: val})
		}
	}
	for i := range b.kids {
		kid := &b.kids[i]
		if !kid.computes || (i < 64 && done&(1<<i) != 0) || (i >= 64 && kid.value == nil && v.Get(kid.name).Kind() != expr.Missing) {
			continue
		}
		if val := w.member(kid, expr.Value{}); val.Kind() != expr.Missing {
			out = append(out, expr.Member{Name: kid.name, Value: val})
		}
	}
	return expr.ObjectValue(out)
}

// member returns what becomes of a field, Missing if it is left out.
func (w *shaping) member(b *branch, v expr.Value) expr.Value {
	switch {
	case b.value != nil:
		out, err := b.value.Eval(w.run.env, w.doc)
		if err != nil && w.err == nil {
			w.err = err
		}
		return out
	case len(b.kids) == 0 && w.include:
		return v
	case len(b.kids) == 0: // left out
		return expr.Value{}
	case v.Kind() == expr.Object:
		return w.object(b, v)
	case v.Kind() == expr.Array:
		var list []expr.Value
		for elem := range v.Elements() {
			if elem = w.member(b, elem); elem.Kind() != expr.Missing {
				list = append(list, elem)
			}
		}
		return expr.ArrayValue(list...)
	case b.computes:
		return w.object(b, expr.ObjectValue(nil))
	case w.include:
		return expr.Value{}
	}
	return v
}

// add adds a leaf to the tree.
func (b *branch) add(names []string, value *expr.Expression, at *expr.Place) error {
	b.computes = b.computes || value != nil
	i := slices.IndexFunc(b.kids, func(kid branch) bool { return kid.name == names[0] })
	if i < 0 {
		i = len(b.kids)
		b.kids = append(b.kids, branch{name: names[0]})
	} else if len(names) == 1 || len(b.kids[i].kids) == 0 {
		return at.Errorf("the field is named twice, or with a field below it,")
	}
	if len(names) > 1 {
		return b.kids[i].add(names[1:], value, at)
	}
	b.kids[i].value, b.kids[i].computes = value, value != nil
	return nil
}

// projection compiles $project.
type projection struct {
	*compiler
	shape
	decided bool
	keepID  bool
}

func (c *compiler) project(raw []byte, at *expr.Place) (stage, error) {
	if !rawjson.IsObject(raw) {
		return nil, at.Errorf("$project needs an object of fields")
	}
	p := &projection{compiler: c, keepID: true}
	if err := p.decide(raw); err == nil && !p.decided {
		p.exclude = true // only _id: 0
	}
	p.include = !p.exclude
	if err := p.fields(raw, nil, at); err != nil {
		return nil, err
	}
	if len(p.root.kids) == 0 && p.keepID {
		return nil, at.Errorf("$project needs at least one field")
	}
	named := slices.ContainsFunc(p.root.kids, func(b branch) bool { return b.name == "_id" })
	switch {
	case p.include && p.keepID && !named:
		p.root.kids = slices.Insert(p.root.kids, 0, branch{name: "_id"})
	case p.exclude && !p.keepID:
		p.root.kids = append(p.root.kids, branch{name: "_id"})
	}
	return p.transform(), nil
}

// decide finds out from the first field whether fields are taken or left out.
func (p *projection) decide(raw []byte) error {
	for key, val := range rawjson.Members(raw) {
		v := expr.FromJSON(val)
		switch {
		case string(key) == "_id" && isFlag(v) && !v.Truthy():
			continue
		case v.Kind() == expr.Object && !isOperator(val):
			if err := p.decide(val); err != nil || p.decided {
				return err
			}
			continue
		}
		p.exclude, p.decided = isFlag(v) && !v.Truthy(), true
		return nil
	}
	return nil
}

func (p *projection) fields(raw []byte, above []string, at *expr.Place) error {
	for key, val := range rawjson.Members(raw) {
		at := at.Key(string(key))
		names, err := fieldName(string(key), at)
		if err != nil {
			return err
		}
		names = append(slices.Clone(above), names...)
		if len(names) > expr.MaxDepth {
			return at.Errorf("fields nest deeper than %d levels", expr.MaxDepth)
		}
		v := expr.FromJSON(val)
		switch {
		case isFlag(v) && len(names) == 1 && names[0] == "_id" && !v.Truthy():
			p.keepID = false
			continue
		case isFlag(v) && v.Truthy() == p.exclude:
			return at.Errorf("fields are either all taken (1) or all left out (0), found both")
		case isFlag(v):
			err = p.root.add(names, nil, at)
		case v.Kind() == expr.Object && !isOperator(val):
			if v.Len() == 0 {
				return at.Errorf("an empty object says nothing about the field")
			}
			err = p.fields(val, names, at)
		case p.exclude:
			return at.Errorf("fields that are left out cannot stand with fields that are made")
		default:
			var e *expr.Expression
			if e, err = p.expression(val, at); err == nil {
				err = p.root.add(names, e, at)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func isFlag(v expr.Value) bool { return v.Kind() == expr.Number || v.Kind() == expr.Boolean }

// isOperator reports whether raw is an object that begins with an operator.
func isOperator(raw []byte) bool {
	name, _, next := rawjson.NextMember(raw, 1)
	return rawjson.IsObject(raw) && next >= 0 && len(name) > 0 && name[0] == '$'
}

func (c *compiler) addFields(raw []byte, at *expr.Place) (stage, error) {
	s := &shape{}
	if err := c.overlay(s, raw, nil, at); err != nil {
		return nil, err
	}
	if len(s.root.kids) == 0 {
		return nil, at.Errorf("$addFields needs an object of fields")
	}
	return s.transform(), nil
}

func (c *compiler) overlay(s *shape, raw []byte, above []string, at *expr.Place) error {
	for key, val := range rawjson.Members(raw) {
		at := at.Key(string(key))
		names, err := fieldName(string(key), at)
		if err != nil {
			return err
		}
		names = append(slices.Clone(above), names...)
		if len(names) > expr.MaxDepth {
			return at.Errorf("fields nest deeper than %d levels", expr.MaxDepth)
		}
		if v := expr.FromJSON(val); v.Kind() == expr.Object && v.Len() > 0 && !isOperator(val) {
			err = c.overlay(s, val, names, at)
		} else {
			var e *expr.Expression
			if e, err = c.expression(val, at); err == nil {
				err = s.root.add(names, e, at)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *compiler) unset(raw []byte, at *expr.Place) (stage, error) {
	list := [][]byte{raw}
	if rawjson.IsArray(raw) {
		list = slices.Collect(rawjson.Elements(raw))
	}
	s := &shape{exclude: true}
	for _, elem := range list {
		name, ok := text(elem)
		if !ok {
			return nil, at.Errorf("$unset needs the name of a field, or an array of them")
		}
		names, err := fieldName(name, at)
		if err == nil {
			err = s.root.add(names, nil, at)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(list) == 0 {
		return nil, at.Errorf("$unset needs the name of a field, or an array of them")
	}
	return s.transform(), nil
}

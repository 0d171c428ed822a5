package aggregate

import (
	"slices"
	"strings"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/expr"
	"github.com/happn-host/happn-host/datastore/match"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// lookup is $lookup: each document gets an array of other documents that
// belong to it.
type lookup struct {
	from           string
	local, foreign []string // equal in both; none if there is only a pipeline
	as             []string
	let            []*expr.Expression
	pipeline       []stage
}

func (c *compiler) lookup(raw []byte, at *expr.Place) (stage, error) {
	if err := known("$lookup", raw, at, "from", "localField", "foreignField", "as", "let", "pipeline"); err != nil {
		return nil, err
	}
	l := &lookup{}
	names := map[string]string{}
	for key, val := range rawjson.Members(raw) {
		if name := string(key); name != "let" && name != "pipeline" {
			s, ok := text(val)
			if !ok || s == "" {
				return nil, at.Key(name).Errorf("$lookup needs a string")
			}
			names[name] = s
		}
	}
	if names["from"] == "" || names["as"] == "" {
		return nil, at.Errorf("$lookup needs from, a path, and as, the name of a field")
	}
	l.from = names["from"]
	if !slices.Contains(*c.lookups, l.from) {
		*c.lookups = append(*c.lookups, l.from)
	}
	var err error
	if l.as, err = fieldName(names["as"], at.Key("as")); err != nil {
		return nil, err
	}
	if names["localField"] != "" && names["foreignField"] != "" {
		l.local, l.foreign = strings.Split(names["localField"], "."), strings.Split(names["foreignField"], ".")
	}
	pipeline, ok := rawjson.Lookup(raw, "pipeline")
	if !ok && l.local == nil {
		return nil, at.Errorf("$lookup needs localField and foreignField, or a pipeline")
	}
	if ok {
		err = c.inner(l, raw, pipeline, at)
	}
	return l, err
}

// inner compiles the pipeline of a $lookup, with its variables.
func (c *compiler) inner(l *lookup, raw, pipeline []byte, at *expr.Place) error {
	outer := c.variables
	defer func() { c.variables = outer }()
	inner := slices.Clone(outer)
	if let, ok := rawjson.Lookup(raw, "let"); ok {
		for key, val := range rawjson.Members(let) {
			name := string(key)
			at := at.Key("let").Key(name)
			if name == "" || strings.ContainsAny(name, ".$") || (name[0] >= 'A' && name[0] <= 'Z') {
				return at.Errorf("%q cannot name a variable: begin with a small letter", name)
			}
			e, err := c.expression(val, at)
			if err != nil {
				return err
			}
			l.let = append(l.let, e)
			inner = append(inner, name)
		}
	}
	c.variables = inner
	var err error
	l.pipeline, err = c.stages(pipeline, at.Key("pipeline"))
	return err
}

func (l *lookup) start(r *run, next sink) sink { return &lookupSink{lookup: l, run: r, next: next} }

type lookupSink struct {
	*lookup
	run    *run
	next   sink
	read   bool
	others []expr.Value
	byKey  map[string][]int // indexes of others, by the values of their foreign field
}

func (s *lookupSink) add(doc expr.Value) (bool, error) {
	if err := s.readOnce(); err != nil {
		return false, err
	}
	given := slices.Clone(s.run.env.Given)
	for _, e := range s.let {
		v, err := e.Eval(s.run.env, doc)
		if err != nil {
			return false, err
		}
		given = append(given, v)
	}
	found := &collector{run: s.run}
	inner := *s.run
	inner.env = &expr.Env{Now: s.run.now, By: s.run.by, Given: given}
	first := start(s.pipeline, &inner, found)
	for _, i := range s.candidates(doc) {
		if err := s.run.multiply(s.others[i]); err != nil {
			return false, err
		}
		if more, err := first.add(s.others[i]); err != nil {
			return false, err
		} else if !more {
			break
		}
	}
	if err := first.end(); err != nil {
		return false, err
	}
	more, err := s.next.add(set(doc, s.as, expr.ArrayValue(found.docs...)))
	s.run.free(len(found.docs), found.bytes)
	return more, err
}

func (s *lookupSink) end() error { return s.next.end() }

// readOnce reads the other documents, which serve all documents of the run.
func (s *lookupSink) readOnce() error {
	if s.read {
		return nil
	}
	s.read = true
	if s.run.lookup == nil {
		return &Error{Problem: "$lookup is not available here"}
	}
	if s.foreign != nil {
		s.byKey = map[string][]int{}
	}
	var failed error
	err := s.run.lookup(s.run.ctx, s.from, func(doc *datastore.Document) bool {
		if failed = s.run.step(); failed != nil {
			return false
		}
		v := match.DocumentValue(doc)
		for _, key := range s.keys(v, s.foreign) {
			s.byKey[key] = append(s.byKey[key], len(s.others))
			failed = s.run.keep(0, len(key)+16)
		}
		s.others = append(s.others, v)
		if err := s.run.keep(1, v.Size()); err != nil {
			failed = err
		}
		return failed == nil
	})
	return onlyOne(failed, err)
}

// keys returns what a document may be found by: the value at the path, and
// if that is an array its elements.
func (s *lookupSink) keys(doc expr.Value, path []string) []string {
	if path == nil {
		return nil
	}
	v := doc.At(path)
	if v.Kind() == expr.Missing {
		v = expr.NullValue()
	}
	keys := []string{string(v.AppendKey(s.run.by, nil))}
	for elem := range v.Elements() {
		if key := string(elem.AppendKey(s.run.by, nil)); !slices.Contains(keys[max(0, len(keys)-8):], key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// candidates returns the indexes of the documents that belong to doc, each
// once, in their order.
func (s *lookupSink) candidates(doc expr.Value) []int {
	if s.foreign == nil {
		all := make([]int, len(s.others))
		for i := range all {
			all[i] = i
		}
		return all
	}
	var out []int
	for _, key := range s.keys(doc, s.local) {
		out = append(out, s.byKey[key]...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// collector keeps what comes out of a pipeline inside a stage.
type collector struct {
	run   *run
	docs  []expr.Value
	bytes int
}

func (c *collector) add(doc expr.Value) (bool, error) {
	c.docs = append(c.docs, doc)
	n := doc.Size()
	c.bytes += n
	return true, c.run.keep(1, n)
}

func (c *collector) end() error { return nil }

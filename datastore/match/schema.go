package match

import (
	"bytes"
	"math"
	"regexp"

	"github.com/happn-host/happn-host/internal/rawjson"
)

// schema is a compiled $jsonSchema: what MongoDB supports of JSON Schema draft 4,
// with bsonType. What it says about texts, numbers, arrays or objects holds for
// values of other types, as the draft has it.
type schema struct {
	types  typeSet
	typed  bool
	enum   map[string]struct{} // keys, see appendUnordered
	limits limits

	pattern    *regexp.Regexp
	unique     bool
	names      map[string]int // that required and dependencies speak of, numbered
	required   []int          // of names
	properties map[string]*schema
	patterns   []patternSchema
	additional *schema // of properties; nil allows any
	closed     bool    // no additional properties
	items      *schema
	tuple      []*schema
	more       *schema // items after the tuple; nil allows any
	fixed      bool    // no items after the tuple

	all, any, one []*schema
	not           *schema
	dependencies  map[int]dependency // by the number of the name
}

type patternSchema struct {
	name *regexp.Regexp
	then *schema
}

// dependency is what holds if there is a name. Those are numbers in schema.names.
type dependency struct {
	required []int
	then     *schema
}

// limits are bounds on sizes; -1 is none.
type limits struct {
	minimum, maximum               value // undefined is none
	exclusiveMinimum, exclusiveMax bool
	multipleOf                     value
	minLength, maxLength           int
	minItems, maxItems             int
	minProperties, maxProperties   int
}

// holds implements test.
func (s *schema) holds(v value) bool {
	if v.kind == undefined {
		return true
	}
	if s.typed && !(typeTest{s.types}).holds(v) {
		return false
	}
	if s.enum != nil && !s.listed(v) {
		return false
	}
	switch v.kind {
	case number:
		if !s.limits.number(v) {
			return false
		}
	case text:
		if !s.text(v) {
			return false
		}
	case array:
		if !s.array(v) {
			return false
		}
	case object:
		if !s.object(v) {
			return false
		}
	}
	return s.combined(v)
}

func (s *schema) listed(v value) bool {
	var scratch [64]byte
	_, ok := s.enum[string(appendUnordered(scratch[:0], v.raw))]
	return ok
}

func (s *schema) combined(v value) bool {
	for _, sub := range s.all {
		if !sub.holds(v) {
			return false
		}
	}
	any := s.any == nil
	for i := 0; i < len(s.any) && !any; i++ {
		any = s.any[i].holds(v)
	}
	ones := 0
	for _, sub := range s.one {
		if sub.holds(v) {
			ones++
		}
	}
	return any && (s.one == nil || ones == 1) && (s.not == nil || !s.not.holds(v))
}

func (l *limits) number(v value) bool {
	if l.minimum.kind == number {
		if c := compareNumbers(v, l.minimum); c < 0 || (c == 0 && l.exclusiveMinimum) {
			return false
		}
	}
	if l.maximum.kind == number {
		if c := compareNumbers(v, l.maximum); c > 0 || (c == 0 && l.exclusiveMax) {
			return false
		}
	}
	return l.multipleOf.kind != number || isMultiple(v, l.multipleOf)
}

func isMultiple(v, of value) bool {
	a, aok := v.int()
	b, bok := of.int()
	if aok && bok {
		return a%b == 0
	}
	q := floatOf(v) / floatOf(of)
	return q == math.Trunc(q)
}

func (s *schema) text(v value) bool {
	l := &s.limits
	if l.minLength >= 0 || l.maxLength >= 0 {
		n := len(bytes.Runes(v.text()))
		if !within(n, l.minLength, l.maxLength) {
			return false
		}
	}
	return s.pattern == nil || s.pattern.Match(v.text())
}

func within(n, low, high int) bool { return n >= low && (high < 0 || n <= high) }

func (s *schema) array(v value) bool {
	n := 0
	var seen map[string]struct{}
	if s.unique {
		seen = map[string]struct{}{}
	}
	for i := 1; ; n++ {
		var elem []byte
		if elem, i = rawjson.NextElement(v.raw, i); i < 0 {
			return within(n, s.limits.minItems, s.limits.maxItems)
		}
		e := valueOf(elem)
		if s.unique {
			key := string(appendUnordered(nil, elem))
			if _, twice := seen[key]; twice {
				return false
			}
			seen[key] = struct{}{}
		}
		switch {
		case s.items != nil:
			if !s.items.holds(e) {
				return false
			}
		case n < len(s.tuple):
			if !s.tuple[n].holds(e) {
				return false
			}
		case s.fixed || (s.more != nil && !s.more.holds(e)):
			return false
		}
	}
}

func (s *schema) object(v value) bool {
	there := tallyOf(len(s.names), true)
	n := 0
	for i := 1; ; n++ {
		var name, val []byte
		if name, val, i = rawjson.NextMember(v.raw, i); i < 0 {
			break
		}
		name = rawjson.Name(name)
		if at, ok := s.names[string(name)]; ok {
			there.see(at)
		}
		if !s.member(name, valueOf(val)) {
			return false
		}
	}
	return within(n, s.limits.minProperties, s.limits.maxProperties) && hasAll(&there, s.required) && s.depends(&there, v)
}

func hasAll(there *tally, names []int) bool {
	for _, at := range names {
		if !there.seen(at) {
			return false
		}
	}
	return true
}

func (s *schema) depends(there *tally, v value) bool {
	for on, d := range s.dependencies {
		if there.seen(on) && (!hasAll(there, d.required) || (d.then != nil && !d.then.holds(v))) {
			return false
		}
	}
	return true
}

func (s *schema) member(name []byte, v value) bool {
	sub, known := s.properties[string(name)]
	if known && !sub.holds(v) {
		return false
	}
	for _, p := range s.patterns {
		if p.name.Match(name) {
			known = true
			if !p.then.holds(v) {
				return false
			}
		}
	}
	return known || (!s.closed && (s.additional == nil || s.additional.holds(v)))
}

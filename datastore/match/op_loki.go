package match

import (
	"bytes"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/happn-host/happn-host/internal/rawjson"
)

// lokiOperator compiles the operators that only LokiJS has.
func (c *compiler) lokiOperator(k call) (node, error) {
	*c.native = false
	arg := valueOf(k.arg).settled()
	switch k.name {
	case "$between", "$jbetween":
		return c.between(k)
	case "$len":
		return c.count(k, textLength{})
	}
	if k.name == "$keyin" || k.name == "$nkeyin" || k.name == "$definedin" || k.name == "$undefinedin" {
		if arg.kind != object && arg.kind != array {
			return node{}, k.errorf("%s needs an object", k.name)
		}
	}
	c.keep(k.name, k.arg)
	switch k.name {
	case "$aeq":
		return k.with(loosely{arg, looseNumber(arg)}), nil
	case "$dteq":
		return k.with(sameTime(arg)), nil
	case "$contains":
		return k.onWhole(containing(arg, true)), nil
	case "$containsAny":
		return k.onWhole(containing(arg, false)), nil
	case "$containsNone":
		return not(k.onWhole(containing(arg, false))), nil
	case "$containsString":
		if arg.kind != text {
			return node{}, k.errorf("$containsString needs a string")
		}
		return k.with(anchored{part: arg.raw}), nil
	case "$keyin", "$definedin":
		return k.onWhole(keyOf(arg)), nil
	case "$nkeyin", "$undefinedin":
		return not(k.onWhole(keyOf(arg))), nil
	case "$finite":
		n := k.with(typeTest{isNumber})
		if !truthy(k.arg) {
			n = not(n)
		}
		return n, nil
	}
	if !strings.HasPrefix(k.name, "$") {
		return node{}, k.errorf("%s stands among operators but is not one", k.name)
	}
	return node{}, k.errorf("unknown operator %s", k.name)
}

// between compiles $between: [from, to], both included.
func (c *compiler) between(k call) (node, error) {
	var bounds []value
	for elem := range rawjson.Elements(k.arg) {
		bounds = append(bounds, valueOf(elem).settled())
	}
	if len(bounds) != 2 {
		return node{}, k.errorf("%s needs an array of two bounds", k.name)
	}
	c.keep("$between", k.arg)
	return k.with(combined{all, []test{c.order("$gte", bounds[0]), c.order("$lte", bounds[1])}}), nil
}

// textLength counts the UTF-16 code units of a text, as JavaScript does.
type textLength struct{}

func (textLength) count(v value) (int, bool) {
	if v.kind != text {
		return 0, false
	}
	n := 0
	for s := v.text(); len(s) > 0; n++ {
		r, size := utf8.DecodeRune(s)
		if r > 0xffff {
			n++
		}
		s = s[size:]
	}
	return n, true
}

// nameOf is the text that JavaScript makes of a value to use it as a name.
func nameOf(v value) []byte {
	switch v.kind {
	case text:
		return v.text()
	case undefined:
		return []byte("undefined")
	}
	return v.decimal(nil)
}

// keys holds for values that are the name of a member.
type keys map[string]struct{}

func keyOf(arg value) keys {
	t := keys{}
	for name := range rawjson.Members(arg.raw) {
		t[string(name)] = struct{}{}
	}
	i := int64(0)
	for range rawjson.Elements(arg.raw) {
		t[string(nameOf(intValue(i)))] = struct{}{}
		i++
	}
	return t
}

func (t keys) holds(v value) bool {
	if v.kind != text && v.kind != number {
		return false
	}
	_, ok := t[string(nameOf(v))]
	return ok
}

// loosely is JavaScript's == between values that JSON has.
type loosely struct {
	want   value
	number value // want as a number, if it is one in some form
}

// looseNumber returns the number that a number, boolean or numeric text is.
func looseNumber(v value) value {
	switch v.kind {
	case number:
		return v
	case boolean:
		return intValue(v.n)
	case text:
		s := bytes.TrimSpace(v.text())
		if len(s) == 0 {
			return intValue(0)
		}
		if (s[0] == '-' || (s[0] >= '0' && s[0] <= '9')) && new(rawjson.Scanner).Valid(s) == nil {
			return value{kind: number, raw: s}
		}
	}
	return value{}
}

func (t loosely) holds(v value) bool {
	if v.kind <= null || t.want.kind <= null {
		return v.kind <= null && t.want.kind <= null
	}
	if v.kind == t.want.kind {
		return compare(v, t.want) == 0
	}
	if t.number.kind != number {
		return false
	}
	n := looseNumber(v)
	return n.kind == number && compareNumbers(n, t.number) == 0
}

// sameInstant is $dteq: dates, as ISO texts or in ms, of the same instant.
type sameInstant struct{ want int64 }

func sameTime(arg value) test {
	if ms, ok := instant(arg); ok {
		return sameInstant{ms}
	}
	return equals(arg)
}

func (t sameInstant) holds(v value) bool {
	ms, ok := instant(v)
	return ok && ms == t.want
}

// instant returns the Unix time in ms that a number or an ISO 8601 text means.
func instant(v value) (ms int64, ok bool) {
	switch v.kind {
	case number:
		n, _, ok := v.truncated()
		return n, ok
	case text:
		s := string(v.text())
		for _, layout := range [...]string{time.RFC3339, time.DateOnly} {
			if t, err := time.Parse(layout, s); err == nil {
				return t.UnixMilli(), true
			}
		}
	}
	return 0, false
}

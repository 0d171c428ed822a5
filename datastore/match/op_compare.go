package match

import (
	"slices"

	"github.com/happn-host/happn-host/internal/rawjson"
)

// equals is the test of a bare value, $eq and $ne.
func equals(want value) test {
	want = want.settled()
	switch want.kind {
	case text:
		return equalText{want.raw}
	case null, undefined:
		return isNull{}
	}
	return equalValue{want}
}

type equalText struct{ want []byte }

func (t equalText) holds(v value) bool { return v.equalText(t.want) }

func (t equalText) literal() ([]byte, bool) { return t.want, true }

// isNull holds for null and for what is not there.
type isNull struct{}

func (isNull) holds(v value) bool { return v.kind <= null }

type equalValue struct{ want value }

func (t equalValue) holds(v value) bool { return v.kind == t.want.kind && compare(v, t.want) == 0 }

// ordered holds for values of the same type that are before, equal to or
// after a bound.
type ordered struct {
	bound                value
	before, equal, after bool
}

func order(name string, bound value) test {
	t := ordered{bound: bound, equal: len(name) == 4}
	t.before, t.after = name[1] == 'l', name[1] == 'g'
	if bound.kind == null {
		if t.equal {
			return isNull{}
		}
		return never{}
	}
	return t
}

func (t ordered) holds(v value) bool {
	if v.kind != t.bound.kind {
		return false
	}
	c := compare(v, t.bound)
	return (c < 0 && t.before) || (c == 0 && t.equal) || (c > 0 && t.after)
}

type never struct{}

func (never) holds(value) bool { return false }

// listed holds for the values of a list, which it keeps sorted.
type listed struct {
	null bool
	want []value
}

func oneOf(arr []byte) listed {
	var t listed
	for elem := range rawjson.Elements(arr) {
		v := valueOf(elem).settled()
		if v.kind == null {
			t.null = true
			continue
		}
		t.want = append(t.want, v)
	}
	slices.SortFunc(t.want, compare)
	return t
}

func (t listed) holds(v value) bool {
	if v.kind <= null {
		return t.null
	}
	if v.kind == text {
		v = v.settled()
	}
	_, found := slices.BinarySearchFunc(t.want, v, compare)
	return found
}

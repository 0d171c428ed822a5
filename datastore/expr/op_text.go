package expr

import (
	"bytes"
	"math"
	"strings"
	"unicode/utf8"
)

func textFunction(name string) (function, bool) {
	switch name {
	case "$concat":
		return function{min: 0, max: -1, nulls: true, do: concat}, true
	case "$toLower":
		return lettered(func(s []byte) []byte { return bytes.ToLower(s) }), true
	case "$toUpper":
		return lettered(func(s []byte) []byte { return bytes.ToUpper(s) }), true
	case "$strLenBytes", "$strLenCP":
		return function{min: 1, max: 1, do: func(k *call) Value {
			s, ok := k.text()
			switch {
			case !ok:
				return Value{}
			case k.node.name == "$strLenCP":
				return IntValue(int64(utf8.RuneCount(s)))
			}
			return IntValue(int64(len(s)))
		}}, true
	case "$strcasecmp":
		return function{min: 2, max: 2, do: func(k *call) Value {
			a, ok := k.plain(0)
			b, ok2 := k.plain(1)
			if !ok || !ok2 {
				return Value{}
			}
			return IntValue(int64(bytes.Compare(bytes.ToUpper(a), bytes.ToUpper(b))))
		}}, true
	case "$substr", "$substrBytes", "$substrCP":
		return function{min: 3, max: 3, do: substring}, true
	case "$split":
		return function{min: 2, max: 2, nulls: true, do: split}, true
	case "$trim", "$ltrim", "$rtrim":
		return function{min: 1, named: []string{"input", "chars"}, nulls: true, do: trim}, true
	case "$replaceOne", "$replaceAll":
		return function{min: 3, named: []string{"input", "find", "replacement"}, nulls: true, do: replace}, true
	case "$indexOfBytes", "$indexOfCP":
		return function{min: 2, max: 4, do: indexOfText}, true
	}
	return function{}, false
}

func concat(k *call) Value {
	var out []byte
	for _, v := range k.args {
		if v.kind != Text {
			return k.fail("needs strings, found %s", v.kind)
		}
		s := v.Text()
		if !k.env.spend(len(s)) {
			return Value{}
		}
		out = append(out, s...)
	}
	return TextValue(out)
}

// plain returns an argument as a text: numbers and dates as they are written,
// nothing for null.
func (k *call) plain(i int) ([]byte, bool) {
	v := k.args[i]
	k.env.spend(len(v.raw) / 8)
	switch v.kind {
	case Missing, Null:
		return nil, true
	case Text:
		return v.Text(), true
	case Number, Boolean:
		return v.AppendJSON(nil), true
	case Date:
		return []byte(isoDate(v.n)), true
	}
	k.fail("needs a string, found %s", v.kind)
	return nil, false
}

// lettered is a function that takes letters for letters.
func lettered(f func([]byte) []byte) function {
	return function{min: 1, max: 1, do: func(k *call) Value {
		s, ok := k.plain(0)
		if !ok {
			return Value{}
		}
		return TextValue(f(s))
	}}
}

func substring(k *call) Value {
	s, ok := k.plain(0)
	if !ok {
		return Value{}
	}
	from, ok1 := k.args[1].Int()
	n, ok2 := k.args[2].Int()
	points := k.node.name == "$substrCP"
	if !ok1 || !ok2 || (points && (from < 0 || n < 0)) {
		return k.fail("needs whole numbers for start and length")
	}
	if from < 0 {
		return TextValue("")
	}
	if n < 0 {
		n = math.MaxInt32
	}
	if points {
		s = s[offsetOf(s, from):]
		return TextValue(s[:offsetOf(s, n)])
	}
	start := int(min(from, int64(len(s))))
	end := start + int(min(n, int64(len(s)-start)))
	if !boundary(s, start) || !boundary(s, end) {
		return k.fail("would cut a character in two")
	}
	return TextValue(s[start:end])
}

func boundary(s []byte, i int) bool { return i >= len(s) || utf8.RuneStart(s[i]) }

// offsetOf returns the offset in bytes of the nth character.
func offsetOf(s []byte, n int64) int {
	i := 0
	for ; n > 0 && i < len(s); n-- {
		_, size := utf8.DecodeRune(s[i:])
		i += size
	}
	return i
}

func split(k *call) Value {
	s, ok := k.text()
	if !ok {
		return Value{}
	}
	sep := k.args[1].Text()
	if len(sep) == 0 {
		return k.fail("needs a separator that is not empty")
	}
	var out []Member
	for part := range bytes.SplitSeq(s, sep) {
		if !k.env.spend(4) {
			break
		}
		out = append(out, Member{Value: TextValue(part)})
	}
	return made(Array, out)
}

// blanks is what trimming removes by default.
const blanks = "\x00 \t\n\v\f\r\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"

func trim(k *call) Value {
	cut := blanks
	if k.args[1].kind != Missing {
		if k.args[1].IsNullish() {
			return NullValue()
		}
		if k.args[1].kind != Text || len(k.args[1].raw) > 4096 {
			return k.fail("needs chars to be a short string")
		}
		cut = string(k.args[1].Text())
	}
	if k.args[0].kind != Text {
		return k.fail("needs a string, found %s", k.args[0].kind)
	}
	s := string(k.args[0].Text())
	k.env.spend(len(s) + len(cut))
	if k.node.name != "$rtrim" {
		s = strings.TrimLeft(s, cut)
	}
	if k.node.name != "$ltrim" {
		s = strings.TrimRight(s, cut)
	}
	return TextValue(s)
}

func replace(k *call) Value {
	s, ok := k.text()
	if !ok {
		return Value{}
	}
	find, with := k.args[1].Text(), k.args[2].Text()
	n := 1
	if k.node.name == "$replaceAll" {
		n = bytes.Count(s, find)
	}
	if !k.env.spend(len(s) + n*len(with)) {
		return Value{}
	}
	return TextValue(bytes.Replace(s, find, with, n))
}

func indexOfText(k *call) Value {
	if k.args[0].IsNullish() {
		return NullValue()
	}
	if k.args[0].kind != Text || k.args[1].kind != Text {
		return k.fail("needs strings, found %s and %s", k.args[0].kind, k.args[1].kind)
	}
	s, want := k.args[0].Text(), k.args[1].Text()
	k.env.spend(len(s))
	bounds := [2]int64{0, math.MaxInt32}
	for i := range k.args[2:] {
		n, ok := k.args[2+i].Int()
		if !ok || n < 0 {
			return k.fail("needs whole numbers from 0 for start and end")
		}
		bounds[i] = n
	}
	if bounds[0] > bounds[1] {
		return IntValue(-1)
	}
	points := k.node.name == "$indexOfCP"
	start, end := int(min(bounds[0], int64(len(s)))), int(min(bounds[1], int64(len(s))))
	if points {
		start, end = offsetOf(s, bounds[0]), offsetOf(s, bounds[1])
	}
	i := bytes.Index(s[start:end], want)
	switch {
	case i < 0:
		return IntValue(-1)
	case points:
		return IntValue(int64(utf8.RuneCount(s[:start+i])))
	}
	return IntValue(int64(start + i))
}

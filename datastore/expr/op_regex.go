package expr

import (
	"bytes"
	"unicode/utf8"
)

// pattern is a regular expression that is compiled with the expression.
type pattern struct{ *Regex }

func regexFunction(name string) (function, bool) {
	named := []string{"input", "regex", "options"}
	switch name {
	case "$regexMatch":
		return function{min: 2, named: named, do: regexMatch}, true
	case "$regexFind", "$regexFindAll":
		return function{min: 2, named: named, do: regexFind}, true
	}
	return function{}, false
}

// checkRegex compiles the regular expression of an operator that has one. It
// must be written in the expression: its cost is known before any document.
func (c *compiler) checkRegex(n *callNode, at *Place) error {
	if n.named == nil || n.named[1] != "regex" {
		return nil
	}
	source, ok := n.kids[1].(constant)
	options, ok2 := n.kids[2].(constant)
	if !ok || !ok2 || source.value.kind != Text || (options.value.kind != Text && options.value.kind != Missing) {
		return at.Errorf("%s needs regex and options to be strings, not expressions", n.name)
	}
	re, err := CompileRegex(string(source.value.Text()), string(options.value.Text()), at)
	if err != nil {
		return err
	}
	if c.regex += re.Steps; c.regex > MaxRegexSteps {
		return at.Errorf("$regex: the expressions are too large when their repetitions are written out")
	}
	n.regex = &pattern{re}
	return nil
}

func regexMatch(k *call) Value {
	if k.args[0].IsNullish() {
		return BoolValue(false)
	}
	if k.args[0].kind != Text {
		return k.fail("needs a string, found %s", k.args[0].kind)
	}
	s := k.args[0].Text()
	k.env.spend(len(s))
	return BoolValue(k.node.regex.Match(s))
}

func regexFind(k *call) Value {
	all := k.node.name == "$regexFindAll"
	if k.args[0].IsNullish() && all {
		return ArrayValue()
	}
	if k.args[0].IsNullish() {
		return NullValue()
	}
	if k.args[0].kind != Text {
		return k.fail("needs a string, found %s", k.args[0].kind)
	}
	s := k.args[0].Text()
	k.env.spend(len(s))
	if !all {
		found := k.node.regex.FindSubmatchIndex(s)
		if found == nil {
			return NullValue()
		}
		return matchValue(s, found, utf8.RuneCount(s[:found[0]]))
	}
	// Looking for each match may read the rest of the text once more.
	most := 1 + 16*max(k.env.budget, 0)/(len(s)+1)
	matches := k.node.regex.FindAllSubmatchIndex(s, most)
	if len(matches) == most {
		k.env.spend(k.env.budget + 1)
	}
	var out []Value
	points, at := 0, 0
	for _, found := range matches {
		points += utf8.RuneCount(s[at:found[0]])
		at = found[0]
		if !k.env.spend(len(found) + found[1] - found[0]) {
			break
		}
		out = append(out, matchValue(s, found, points))
	}
	return ArrayValue(out...)
}

// matchValue describes one match.
func matchValue(s []byte, found []int, points int) Value {
	captures := make([]Value, 0, len(found)/2-1)
	for i := 2; i < len(found); i += 2 {
		if found[i] < 0 {
			captures = append(captures, NullValue())
		} else {
			captures = append(captures, TextValue(bytes.Clone(s[found[i]:found[i+1]])))
		}
	}
	return ObjectValue([]Member{
		{"match", TextValue(s[found[0]:found[1]])},
		{"idx", IntValue(int64(points))},
		{"captures", ArrayValue(captures...)},
	})
}

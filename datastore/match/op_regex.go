package match

import (
	"bytes"
	"regexp"
	"regexp/syntax"

	"github.com/happn-host/happn-host/datastore/expr"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// regexOperator compiles $regex: a string with $options beside it, or the
// array [pattern, flags].
func (c *compiler) regexOperator(k call) (node, error) {
	pattern, flags, err := regexArguments(k)
	if err != nil {
		return node{}, err
	}
	re, err := expr.CompileRegex(pattern, flags, k.at)
	if err != nil {
		return node{}, err
	}
	if c.regex += re.Steps; c.regex > expr.MaxRegexSteps {
		return node{}, k.errorf("$regex: the expressions are too large when their repetitions are written out")
	}
	c.name("$regex")
	c.source = append(rawjson.AppendString(c.source, pattern), ',')
	if re.Options != "" {
		c.name("$options")
		c.source = append(rawjson.AppendString(c.source, re.Options), ',')
	}
	if t, ok := literalTest(re.Tree); ok {
		return k.with(t), nil
	}
	return k.with(regex{re.Regexp}), nil
}

// errRegexArgument has the words that clients of happn-3 know.
func errRegexArgument() error {
	return &Error{Problem: "$regex parameter value must be an Array or a string"}
}

func regexArguments(k call) (pattern, flags string, err error) {
	var args []string
	switch {
	case rawjson.IsString(k.arg):
		args = append(args, string(rawjson.Unquote(k.arg)))
	case rawjson.IsArray(k.arg):
		for elem := range rawjson.Elements(k.arg) {
			if !rawjson.IsString(elem) {
				return "", "", errRegexArgument()
			}
			args = append(args, string(rawjson.Unquote(elem)))
		}
	}
	if opts, ok := rawjson.Lookup(k.around, "$options"); ok {
		if !rawjson.IsString(opts) {
			return "", "", k.errorf("$options must be a string of flags")
		}
		flags = string(rawjson.Unquote(opts))
	}
	switch len(args) {
	case 1:
		return args[0], flags, nil
	case 2:
		return args[0], args[1] + flags, nil
	}
	return "", "", errRegexArgument()
}

type regex struct{ re *regexp.Regexp }

func (t regex) holds(v value) bool { return v.kind == text && t.re.Match(v.text()) }

// anchored is a regular expression that is nothing but a literal.
type anchored struct {
	part        []byte
	first, last bool // it stands at the beginning, at the end
}

// literalTest recognises expressions that need no engine: abc, ^abc, abc$, ^abc$.
func literalTest(tree *syntax.Regexp) (anchored, bool) {
	var t anchored
	parts := []*syntax.Regexp{tree}
	if tree.Op == syntax.OpConcat {
		parts = tree.Sub
	}
	if len(parts) > 0 && parts[0].Op == syntax.OpBeginText {
		t.first, parts = true, parts[1:]
	}
	if n := len(parts); n > 0 && parts[n-1].Op == syntax.OpEndText {
		t.last, parts = true, parts[:n-1]
	}
	if len(parts) != 1 || parts[0].Op != syntax.OpLiteral || parts[0].Flags&syntax.FoldCase != 0 {
		return t, false
	}
	t.part = []byte(string(parts[0].Rune))
	return t, true
}

func (t anchored) holds(v value) bool {
	if v.kind != text {
		return false
	}
	s := v.text()
	switch {
	case t.first && t.last:
		return bytes.Equal(s, t.part)
	case t.first:
		return bytes.HasPrefix(s, t.part)
	case t.last:
		return bytes.HasSuffix(s, t.part)
	}
	return bytes.Contains(s, t.part)
}

func (t anchored) literal() ([]byte, bool) { return t.part, t.first && t.last }

package match

import (
	"bytes"
	"regexp"
	"regexp/syntax"

	"github.com/happn-host/happn-host/internal/rawjson"
)

// maxRegexSteps bounds all regular expressions of a criterion together, with
// repetitions written out, since a match costs text length times steps.
const maxRegexSteps = 20_000

// regexOperator compiles $regex: a string with $options beside it, or the
// array [pattern, flags].
func (c *compiler) regexOperator(k call) (node, error) {
	pattern, flags, err := regexArguments(k)
	if err != nil {
		return node{}, err
	}
	opts, extended, err := regexFlags(k, flags)
	if err != nil {
		return node{}, err
	}
	expr := goSyntax(pattern, extended)
	if opts != "" {
		expr = "(?" + opts + ")" + expr
	}
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return node{}, k.errorf("$regex: %s; lookaround and backreferences are not available", err)
	}
	if c.regex += steps(tree); c.regex > maxRegexSteps {
		return node{}, k.errorf("$regex: the expressions are too large when their repetitions are written out")
	}
	re, err := regexp.Compile(expr)
	if err != nil {
		return node{}, k.errorf("$regex: %s", err)
	}
	if extended {
		opts += "x"
	}
	c.name("$regex")
	c.source = append(rawjson.AppendString(c.source, pattern), ',')
	if opts != "" {
		c.name("$options")
		c.source = append(rawjson.AppendString(c.source, opts), ',')
	}
	if t, ok := literalTest(tree); ok {
		return k.with(t), nil
	}
	return k.with(regex{re}), nil
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

// regexFlags sorts out the flags of JavaScript and of MongoDB. Those that have
// no bearing on whether a text matches are dropped.
func regexFlags(k call, flags string) (opts string, extended bool, err error) {
	var seen [128]bool
	for _, f := range flags {
		switch f {
		case 'i', 'm', 's':
			if !seen[f] {
				seen[f] = true
				opts += string(f)
			}
		case 'x':
			extended = true
		case 'g', 'u', 'y', 'd', 'v':
		default:
			return "", false, k.errorf("$regex does not know the flag %q", string(f))
		}
	}
	return opts, extended, nil
}

// goSyntax rewrites what JavaScript and PCRE spell differently: \uFFFF, \/,
// [^] and, if extended, white space and comments.
func goSyntax(pattern string, extended bool) string {
	out := make([]byte, 0, len(pattern))
	class := false
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\' && i+1 < len(pattern):
			i++
			if pattern[i] != 'u' {
				out = append(out, '\\', pattern[i])
				continue
			}
			digits, used := codePoint(pattern[i+1:])
			if used == 0 {
				out = append(out, 'u')
				continue
			}
			out = append(append(append(out, `\x{`...), digits...), '}')
			i += used
		case class:
			class = c != ']'
			out = append(out, c)
		case c == '[' && len(pattern) > i+2 && pattern[i:i+3] == "[^]":
			out = append(out, `[\x00-\x{10FFFF}]`...)
			i += 2
		case c == '[':
			class = true
			out = append(out, c)
		case extended && (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'):
		case extended && c == '#':
			for i < len(pattern) && pattern[i] != '\n' {
				i++
			}
		default:
			out = append(out, c)
		}
	}
	return string(out)
}

// codePoint reads what follows \u: four hexadecimal digits, or some in braces.
func codePoint(s string) (digits string, used int) {
	if len(s) > 2 && s[0] == '{' {
		for i := 1; i < len(s) && i < 8; i++ {
			if s[i] == '}' {
				return s[1:i], i + 1
			}
		}
		return "", 0
	}
	if len(s) < 4 {
		return "", 0
	}
	for i := range 4 {
		c := s[i] | 0x20
		if !(s[i] >= '0' && s[i] <= '9') && !(c >= 'a' && c <= 'f') {
			return "", 0
		}
	}
	return s[:4], 4
}

// steps estimates the size of an expression with its repetitions written out.
func steps(re *syntax.Regexp) int {
	n := 1 + len(re.Rune)
	for _, sub := range re.Sub {
		if n += steps(sub); n > maxRegexSteps {
			return n
		}
	}
	if re.Op == syntax.OpRepeat {
		n *= max(1, re.Min, re.Max)
	}
	return min(n, maxRegexSteps+1)
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

package expr

import (
	"regexp"
	"regexp/syntax"
)

// MaxRegexSteps bounds all regular expressions of a criterion or stage
// together, with repetitions written out, since a match costs text length
// times steps.
const MaxRegexSteps = 20_000

// Regex is a regular expression in the syntax of JavaScript or PCRE, as far as
// it matches in linear time.
type Regex struct {
	*regexp.Regexp
	Tree    *syntax.Regexp
	Options string // the flags that have a bearing on what matches, in MongoDB's terms
	Steps   int
}

// CompileRegex compiles a pattern with flags of JavaScript and of MongoDB. at is
// named in errors.
func CompileRegex(pattern, flags string, at *Place) (*Regex, error) {
	opts, extended, bad := regexFlags(flags)
	if bad != 0 {
		return nil, at.Errorf("$regex does not know the flag %q", string(bad))
	}
	source := goSyntax(pattern, extended)
	if opts != "" {
		source = "(?" + opts + ")" + source
	}
	tree, err := syntax.Parse(source, syntax.Perl)
	if err != nil {
		return nil, at.Errorf("$regex: %s; lookaround and backreferences are not available", err)
	}
	r := &Regex{Tree: tree, Options: opts, Steps: steps(tree)}
	if r.Steps > MaxRegexSteps {
		return nil, at.Errorf("$regex: the expressions are too large when their repetitions are written out")
	}
	if r.Regexp, err = regexp.Compile(source); err != nil {
		return nil, at.Errorf("$regex: %s", err)
	}
	if extended {
		r.Options += "x"
	}
	return r, nil
}

// regexFlags sorts out the flags of JavaScript and of MongoDB. Those that have
// no bearing on whether a text matches are dropped.
func regexFlags(flags string) (opts string, extended bool, bad rune) {
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
			return "", false, f
		}
	}
	return opts, extended, 0
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
		if n += steps(sub); n > MaxRegexSteps {
			return n
		}
	}
	if re.Op == syntax.OpRepeat {
		n *= max(1, re.Min, re.Max)
	}
	return min(n, MaxRegexSteps+1)
}

package mongo

import (
	"bytes"
	"regexp"
	"strings"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/happn-host/happn-host/datastore/mongo/codec"
)

// exact reports whether a pattern names one path.
func exact(pattern []byte) bool { return bytes.IndexByte(pattern, '*') < 0 }

// pathCriteria returns what the server is asked about the path: equality, or a
// range of the index on it. Where a pattern says more than how paths begin, an
// anchored expression decides within the range.
func pathCriteria(pattern string) bson.D {
	prefix, rest, wild := strings.Cut(pattern, "*")
	if !wild {
		return bson.D{{Key: codec.Path, Value: pattern}}
	}
	bounds := bson.D{{Key: "$gte", Value: prefix}}
	if end, ok := successor(prefix); ok {
		bounds = append(bounds, bson.E{Key: "$lt", Value: end})
	}
	if rest = strings.TrimLeft(rest, "*"); rest != "" {
		bounds = append(bounds, bson.E{Key: "$regex", Value: bson.Regex{Pattern: expression(prefix, rest), Options: "s"}})
	}
	return bson.D{{Key: codec.Path, Value: bounds}}
}

// pathExpression is the whole pattern as an expression, which no collation has a
// bearing on: the index on path serves for its beginning.
func pathExpression(pattern string) bson.Regex {
	prefix, rest, wild := strings.Cut(pattern, "*")
	e := bson.Regex{Pattern: "^" + quoted(prefix), Options: "s"}
	switch rest = strings.TrimLeft(rest, "*"); {
	case !wild:
		e.Pattern += `\z`
	case rest != "":
		e.Pattern = expression(prefix, rest)
	}
	return e
}

// expression is the pattern as a regular expression over the whole path.
func expression(prefix, rest string) string {
	var b strings.Builder
	b.WriteByte('^')
	b.WriteString(quoted(prefix))
	for piece := range strings.SplitSeq("*"+rest, "*") {
		if piece != "" {
			b.WriteString(".*")
			b.WriteString(quoted(piece))
		}
	}
	if strings.HasSuffix(rest, "*") {
		return b.String()
	}
	return b.String() + `\z` // unlike $, not before a last line feed
}

// quoted is text that stands for itself, in RE2 and in PCRE. A zero byte would
// end the expression in BSON.
func quoted(text string) string {
	return strings.ReplaceAll(regexp.QuoteMeta(text), "\x00", `\x00`)
}

// successor returns the first text after all that begin with the prefix, in the
// order of bytes, which is that of code points; false if there is none.
func successor(prefix string) (string, bool) {
	for prefix != "" {
		last, size := utf8.DecodeLastRuneInString(prefix)
		prefix = prefix[:len(prefix)-size]
		switch {
		case last == utf8.MaxRune:
			continue
		case last == 0xD7FF:
			last = 0xE000 // between them are no characters
		default:
			last++
		}
		return prefix + string(last), true
	}
	return "", false
}

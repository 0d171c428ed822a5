package collation

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// plainLanguages are those whose rules take no two ASCII texts for equal, unless
// they differ in case and in control characters only.
var plainLanguages = []string{
	"af", "ca", "cs", "da", "de", "en", "es", "fi", "fil", "fr", "ga", "id", "is", "it",
	"lv", "ms", "nb", "nl", "nn", "pl", "pt", "ro", "root", "ru", "sk", "sl", "sv", "sw", "tr", "uk", "zu",
}

// Parts of the expressions of Resembling, in the syntax that RE2 and PCRE share.
const (
	ignored  = `[\x00-\x08\x0e-\x1f\x7f]*` // what no collation looks at
	notASCII = `[^\x00-\x7f]`
	// mostResembled is how many bytes of a text go into an expression.
	mostResembled = 256
)

// Resembling returns a regular expression that finds every text that Compare
// finds equal to this one, and others: all that have a character that is not
// ASCII, of which it judges none. known is false if it would find too much.
func (c *Collation) Resembling(text []byte) (expression string, known bool) {
	d := &c.document
	language, _, _ := strings.Cut(strings.ReplaceAll(d.Locale, "_", "-"), "-")
	if d.Alternate == "shifted" || strings.Contains(d.Locale, "@") || !slices.Contains(plainLanguages, language) ||
		d.NumericOrdering && bytes.ContainsAny(text, "0123456789") {
		return "", false
	}
	start, whole := beginning(text)
	if len(start) == 0 && !whole {
		return "", false
	}
	var b strings.Builder
	b.WriteString("^" + ignored)
	for _, char := range start {
		b.WriteString(d.alike(char) + ignored)
	}
	if whole {
		b.WriteString(`\z`)
	}
	return b.String() + "|" + notASCII, true
}

// beginning returns with which ASCII characters all ASCII texts begin that can be
// equal to this one; whole says that nothing follows them.
func beginning(text []byte) (start []byte, whole bool) {
	for i, char := range text {
		switch {
		case char >= utf8.RuneSelf:
			return start[:max(0, len(start)-1)], false // the last one and this may be one letter
		case i == mostResembled:
			return start[:max(0, len(start)-1)], false
		case char < '\t' || char > '\r' && char < ' ' || char == 0x7f:
		default:
			start = append(start, char)
		}
	}
	return start, true
}

// alike is an expression for the characters that one is taken for.
func (d *document) alike(char byte) string {
	upper, lower := bytes.ToUpper([]byte{char}), bytes.ToLower([]byte{char})
	if d.folds() && upper[0] != lower[0] {
		return "[" + string(lower) + string(upper) + "]"
	}
	return regexp.QuoteMeta(string(char))
}

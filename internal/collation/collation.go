package collation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/text/collate"
	"golang.org/x/text/language"
)

// Collation compares texts. It is safe for concurrent use.
type Collation struct {
	pool sync.Pool // of *worker: a collator is for one goroutine

	source   []byte
	document document
}

type worker struct {
	collator *collate.Collator
	keys     collate.Buffer
}

// document is a collation as MongoDB writes it.
type document struct {
	Locale          string `json:"locale"`
	Strength        int    `json:"strength"`
	CaseLevel       bool   `json:"caseLevel"`
	CaseFirst       string `json:"caseFirst"`
	NumericOrdering bool   `json:"numericOrdering"`
	Alternate       string `json:"alternate"`
	MaxVariable     string `json:"maxVariable"`
	Backwards       bool   `json:"backwards"`
	Normalization   bool   `json:"normalization"`
	Version         string `json:"version"`
}

// Compile compiles a collation of JSON text. The locale "simple" is nil, which
// stands for comparison by bytes. Strength is 1 (letters only), 2 (and their
// marks), 3 (and case), 4 or 5; 0 or none is 3.
func Compile(raw []byte) (*Collation, error) {
	d := document{}
	decoder := json.NewDecoder(strings.NewReader(string(raw)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		return nil, fmt.Errorf("the collation is not understood: %w", err)
	}
	if d.Locale == "simple" {
		return nil, nil
	}
	switch {
	case d.Locale == "":
		return nil, fmt.Errorf("the collation needs a locale, such as \"en\"")
	case d.Strength < 0 || d.Strength > 5:
		return nil, fmt.Errorf("the strength of a collation is from 1 to 5")
	case d.CaseFirst != "" && d.CaseFirst != "off":
		return nil, fmt.Errorf("caseFirst is not available in collations")
	case d.CaseLevel && d.Strength == 1:
		return nil, fmt.Errorf("caseLevel is not available in collations of strength 1; use strength 3")
	case d.Alternate != "" && d.Alternate != "shifted" && d.Alternate != "non-ignorable":
		return nil, fmt.Errorf("alternate is \"shifted\" or \"non-ignorable\"")
	}
	tag, err := language.Parse(d.tag())
	if err != nil {
		return nil, fmt.Errorf("the locale %q is not known", d.Locale)
	}
	c := &Collation{source: bytes.Clone(raw), document: d}
	c.pool.New = func() any { return &worker{collator: collate.New(tag, d.options()...)} }
	return c, nil
}

// Source is what was compiled. It must not be changed.
func (c *Collation) Source() []byte { return c.source }

// tag writes the collation as an extended language tag.
func (d *document) tag() string {
	locale := strings.ReplaceAll(d.Locale, "_", "-")
	locale, variant, _ := strings.Cut(locale, "@collation=")
	var ext []string
	add := func(s string, on bool) {
		if on {
			ext = append(ext, s)
		}
	}
	add("co-"+variant, variant != "")
	add("ka-shifted", d.Alternate == "shifted")
	add("kb-true", d.Backwards)
	if len(ext) > 0 {
		locale += "-u-" + strings.Join(ext, "-")
	}
	return locale
}

func (d *document) options() []collate.Option {
	var out []collate.Option
	if d.Strength == 1 {
		out = append(out, collate.IgnoreDiacritics)
	}
	if d.folds() {
		out = append(out, collate.IgnoreCase, collate.IgnoreWidth)
	}
	if d.NumericOrdering {
		out = append(out, collate.Numeric)
	}
	if d.Strength == 5 {
		out = append(out, collate.Force)
	}
	return out
}

// folds reports whether case makes no difference.
func (d *document) folds() bool { return (d.Strength == 1 || d.Strength == 2) && !d.CaseLevel }

// Compare returns a negative number, zero or a positive number as a sorts
// before, with or after b.
func (c *Collation) Compare(a, b []byte) int {
	w := c.pool.Get().(*worker)
	defer c.pool.Put(w)
	return w.collator.Compare(a, b)
}

// AppendKey appends bytes that two texts share exactly if Compare finds them
// equal.
func (c *Collation) AppendKey(dst, text []byte) []byte {
	w := c.pool.Get().(*worker)
	defer c.pool.Put(w)
	w.keys.Reset()
	return append(dst, w.collator.Key(&w.keys, text)...)
}

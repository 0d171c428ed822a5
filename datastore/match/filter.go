package match

import (
	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/expr"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// Bounds of what a client may send.
const (
	// MaxBytes is the size of a criterion, sort or projection.
	MaxBytes = 256 << 10
	// MaxDepth is how deep operators may nest.
	MaxDepth = 64
)

// Filter is a compiled criterion. It is immutable and safe for concurrent use.
// A nil Filter matches every document.
type Filter struct {
	group  group
	source []byte
	native bool
	by     expr.Collation // how texts compare; nil is by bytes
	needle needle
}

var _ datastore.Filter = (*Filter)(nil)

// CompileFilter compiles criteria as a client sends them; field names are
// translated on the way. The result keeps nothing of raw. Errors that the
// client caused are of type *Error.
func CompileFilter(raw []byte) (*Filter, error) { return CompileFilterBy(raw, nil) }

// CompileFilterBy is CompileFilter with texts compared by the collation; nil is by
// bytes.
func CompileFilterBy(raw []byte, by expr.Collation) (*Filter, error) {
	return new(compiler).compile(raw, by)
}

// compile returns the filter that criteria are, but for what in them is foreign.
func (c *compiler) compile(raw []byte, by expr.Collation) (*Filter, error) {
	raw, err := checked(raw, "criteria")
	if err != nil {
		return nil, err
	}
	f := &Filter{native: true, by: by}
	c.native, c.by = &f.native, by
	n, err := c.criteria(raw, expr.Root("criteria"), scope{group: &f.group, top: true, joined: true})
	if err != nil {
		return nil, err
	}
	f.group.root, f.source = n, c.source
	f.needle = needleOf(&f.group.root)
	return f, nil
}

// Match reports whether the document satisfies the criterion.
func (f *Filter) Match(doc *datastore.Document) bool {
	if f == nil {
		return true
	}
	if !f.needle.maybeIn(doc.Data) {
		return false
	}
	return f.group.match(doc, doc.Data, nil)
}

// Source returns the criterion as raw JSON with field names translated. It
// must not be changed.
func (f *Filter) Source() []byte {
	if f == nil {
		return []byte("{}")
	}
	return f.source
}

// Native reports whether Source consists of MongoDB's own operators only, so
// that a MongoDB server can evaluate it.
func (f *Filter) Native() bool { return f == nil || f.native && f.by == nil }

// NativeBy is Native for a server that compares texts by the filter's collation.
func (f *Filter) NativeBy() bool { return f == nil || f.native }

// Collated reports whether texts are compared by a collation, of which Source
// says nothing.
func (f *Filter) Collated() bool { return f != nil && f.by != nil }

// Collation is the collation by which texts are compared, as it was asked for; nil
// if there is none, or if it does not tell.
func (f *Filter) Collation() []byte {
	if f == nil {
		return nil
	}
	return sourceOf(f.by)
}

// sourceOf is what a collation was compiled from, nil if it does not tell.
func sourceOf(by expr.Collation) []byte {
	if sourced, ok := by.(interface{ Source() []byte }); ok {
		return sourced.Source()
	}
	return nil
}

// resembler is a collation that knows expressions for texts.
type resembler interface {
	Resembling(text []byte) (expression string, known bool)
}

// Resembling returns a regular expression that finds every text that the filter's
// collation takes for this one, and others.
func (f *Filter) Resembling(text []byte) (expression string, known bool) {
	if r, ok := f.by.(resembler); ok {
		return r.Resembling(text)
	}
	return "", false
}

// All reports whether every document matches because the criterion is empty.
func (f *Filter) All() bool {
	return f == nil || (f.group.root.op == all && len(f.group.root.kids) == 0)
}

// checked returns a copy of what a client sent, if it is a JSON object within
// bounds.
func checked(raw []byte, what string) ([]byte, error) {
	if len(raw) > MaxBytes {
		return nil, expr.Root(what).Errorf("%s of %d bytes are too large, at most %d are allowed", what, len(raw), MaxBytes)
	}
	if err := new(rawjson.Scanner).Valid(raw); err != nil {
		return nil, expr.Root(what).Errorf("%s", err)
	}
	raw = raw[rawjson.Space(raw, 0):]
	if !rawjson.IsObject(raw) {
		return nil, &Error{Problem: what + " must be an object"}
	}
	return append([]byte(nil), raw[:rawjson.End(raw, 0)]...), nil
}

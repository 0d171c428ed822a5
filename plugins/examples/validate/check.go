package main

import (
	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/plugins/sdk"
	"github.com/happn-host/happn-host/plugins/sdk/rawjson"
)

// validator holds the rules of one instance.
type validator struct {
	rules []rule
}

func (v *validator) configure(text []byte) (err error) {
	v.rules, err = parseRules(text)
	return err
}

// check looks at one request, and each document that it sets. A set that is fine
// costs no garbage.
func (v *validator) check(m *sdk.Message) sdk.Verdict {
	if m.Action() != abi.ActionSet {
		return sdk.Pass()
	}
	o := parseOptions(m.Options())
	if o.bulk {
		return v.bulk(m.Data(), o)
	}
	path := m.Path()
	if o.sibling {
		path = append(append([]byte(nil), path...), "/*"...) // the host has not named it yet
	}
	verdict, _ := v.one(path, m.Data(), o)
	return verdict
}

// bulk checks the documents of a bulk write. What is none is for the host to
// refuse.
func (v *validator) bulk(documents []byte, o options) sdk.Verdict {
	if rawjson.TypeOf(documents) != rawjson.Array {
		return sdk.Pass()
	}
	for document := range rawjson.Elements(documents) {
		path, _ := rawjson.Lookup(document, "path")
		data, _ := rawjson.Lookup(document, "data")
		if verdict, fine := v.one(rawjson.Unquote(path), data, o); !fine {
			return verdict
		}
	}
	return sdk.Pass()
}

func (v *validator) one(path, data []byte, o options) (verdict sdk.Verdict, fine bool) {
	for i := range v.rules {
		if r := &v.rules[i]; sdk.MatchesPath(r.path, path) {
			if reason := r.broken(data, o); reason != "" {
				return sdk.Reject(validationError(path, reason)), false
			}
		}
	}
	return sdk.Pass(), true
}

// broken says which part of the rule the document breaks, or nothing.
func (r *rule) broken(document []byte, o options) string {
	if o.null || rawjson.TypeOf(document) != rawjson.Object {
		return "data must be an object, got " + typeOf(document, o)
	}
	for i := range r.fields {
		f := &r.fields[i]
		value, ok := f.find(document)
		switch {
		case !ok && f.required && !o.merge: // what is merged may be there already
			return `field "` + f.name + `" is missing, expected ` + f.spelling
		case ok && !f.allows(value):
			return `field "` + f.name + `" must be ` + f.spelling + ", got " + rawjson.TypeOf(value).String()
		}
	}
	return ""
}

func typeOf(document []byte, o options) string {
	if o.null {
		return rawjson.Null.String()
	}
	return rawjson.TypeOf(document).String()
}

// options are those of a set that say what becomes of its data.
type options struct{ merge, bulk, sibling, null bool }

func parseOptions(raw []byte) (o options) {
	if raw == nil {
		return o
	}
	for name, value := range rawjson.Members(raw) {
		switch string(name) {
		case "merge":
			o.merge = truthy(value)
		case "bulk":
			o.bulk = truthy(value)
		case "nullValue":
			o.null = truthy(value)
		case "set_type":
			o.sibling = string(value) == `"sibling"`
		}
	}
	return o
}

// truthy reads an option as the host does.
func truthy(raw []byte) bool {
	switch string(raw) {
	case "", "null", "false", `""`, "0", "-0", "0.0":
		return false
	}
	return true
}

// validationError is what the client gets.
func validationError(path []byte, reason string) string {
	out := []byte(`{"name":"ValidationError","message":`)
	out = rawjson.AppendString(out, string(path)+": "+reason)
	return string(append(out, '}'))
}

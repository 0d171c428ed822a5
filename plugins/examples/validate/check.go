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

// check looks at one request. A set that is fine costs no garbage.
func (v *validator) check(m *sdk.Message) sdk.Verdict {
	if m.Action() != abi.ActionSet {
		return sdk.Pass()
	}
	for i := range v.rules {
		if r := &v.rules[i]; sdk.MatchesPath(r.path, m.Path()) {
			if reason := r.broken(m); reason != "" {
				return sdk.Reject(validationError(m.Path(), reason))
			}
		}
	}
	return sdk.Pass()
}

// broken says which part of the rule the document breaks, or nothing.
func (r *rule) broken(m *sdk.Message) string {
	document := m.Data()
	if rawjson.TypeOf(document) != rawjson.Object {
		return "data must be an object, got " + rawjson.TypeOf(document).String()
	}
	merge := isMerge(m.Options())
	for i := range r.fields {
		f := &r.fields[i]
		value, ok := f.find(document)
		switch {
		case !ok && f.required && !merge: // what is merged may be there already
			return `field "` + f.name + `" is missing, expected ` + f.spelling
		case ok && !f.allows(value):
			return `field "` + f.name + `" must be ` + f.spelling + ", got " + rawjson.TypeOf(value).String()
		}
	}
	return ""
}

func isMerge(options []byte) bool {
	value, ok := rawjson.Lookup(options, "merge")
	return ok && string(value) == "true"
}

// validationError is what the client gets.
func validationError(path []byte, reason string) string {
	out := []byte(`{"name":"ValidationError","message":`)
	out = rawjson.AppendString(out, string(path)+": "+reason)
	return string(append(out, '}'))
}

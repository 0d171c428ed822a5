package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/plugins/sdk"
	"github.com/happn-host/happn-host/plugins/sdk/rawjson"
)

// checker holds the rules of one instance.
type checker struct {
	rules    []rule
	errors   int // that a client is told of
	maxBytes int // of a set's data
}

// check looks at one request: at each document that it makes.
func (c *checker) check(m *sdk.Message) sdk.Verdict {
	if m.Action() != abi.ActionSet {
		return sdk.Pass()
	}
	o, data := parseOptions(m.Options()), m.Data()
	switch {
	case o.bulk:
		return c.bulk(data, o)
	case o.tag && !o.noStore:
		return sdk.Pass() // copies a document that is there
	case o.null:
		data = []byte("null")
	}
	path := m.Path()
	if o.sibling && !o.noStore {
		path = append(append([]byte(nil), path...), "/*"...) // its name is not known yet
	}
	verdict, _ := c.one(path, data, o)
	return verdict
}

// bulk checks the documents of a bulk write. What is no such write is for the
// host to refuse.
func (c *checker) bulk(documents []byte, o options) sdk.Verdict {
	if rawjson.TypeOf(documents) != rawjson.Array {
		return sdk.Pass()
	}
	for element := range rawjson.Elements(documents) {
		if rawjson.TypeOf(element) != rawjson.Object {
			return sdk.Pass()
		}
		path, _ := rawjson.Lookup(element, "path")
		data, _ := rawjson.Lookup(element, "data")
		if verdict, fine := c.one(rawjson.Unquote(path), data, o); !fine {
			return verdict
		}
	}
	return sdk.Pass()
}

// one checks what a set makes of one path.
func (c *checker) one(path, data []byte, o options) (verdict sdk.Verdict, fine bool) {
	var document map[string]any // made for the first rule that concerns the path
	for i := range c.rules {
		r := &c.rules[i]
		if !r.concerns(path) {
			continue
		}
		if len(data) > c.maxBytes {
			return reject(path, []mistake{{Keyword: "maxKiB", Message: fmt.Sprintf("got %d bytes, want at most %d", len(data), c.maxBytes)}}), false
		}
		if document == nil {
			var err error
			switch document, err = result(path, data, o); {
			case errors.As(err, new(*json.UnmarshalTypeError)):
				return reject(path, []mistake{{Keyword: "type", Message: err.Error()}}), false
			case err != nil:
				return sdk.Fail(fmt.Sprintf("%s: %v", path, err)), false
			}
		}
		err := r.schema.Validate(document)
		var mistakes *jsonschema.ValidationError
		switch {
		case errors.As(err, &mistakes):
			return reject(path, list(mistakes, c.errors)), false
		case err != nil:
			return sdk.Fail(fmt.Sprintf("%s: %v", path, err)), false
		}
	}
	return sdk.Pass(), true
}

// result returns the document at the path after a set.
func result(path, data []byte, o options) (map[string]any, error) {
	if o.increment != nil {
		return incremented(path, data, o.increment)
	}
	document, err := decode(data)
	if err != nil || !o.merge || o.noStore {
		return document, err
	}
	return merged(path, document)
}

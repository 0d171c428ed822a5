package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/happn-host/happn-host/plugins/sdk"
	"github.com/happn-host/happn-host/plugins/sdk/rawjson"
)

// options are those of a set that say what becomes of its data.
type options struct {
	merge, noStore, bulk, sibling, tag, null bool
	increment                                []byte // raw JSON; nil if there was none
}

func parseOptions(raw []byte) (o options) {
	if raw == nil {
		return o
	}
	for name, value := range rawjson.Members(raw) {
		switch string(name) {
		case "merge":
			o.merge = truthy(value)
		case "noStore":
			o.noStore = truthy(value)
		case "bulk":
			o.bulk = truthy(value)
		case "tag":
			o.tag = truthy(value)
		case "nullValue":
			o.null = truthy(value)
		case "set_type":
			o.sibling = string(value) == `"sibling"`
		case "increment":
			if o.increment = nil; string(value) != "null" {
				o.increment = value
			}
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

// decode makes of what a client sends the document that it becomes: an object
// without _meta, in which anything else is the member "value".
func decode(data []byte) (map[string]any, error) {
	if len(data) == 0 {
		return map[string]any{}, nil
	}
	// Numbers become float64, as in the clients: one such as 1e999999999 would
	// take all memory if it was kept exactly.
	var value any
	if err := json.Unmarshal(data, &value); err != nil {
		return nil, fmt.Errorf("data cannot be checked: %w", err)
	}
	object, ok := value.(map[string]any)
	if !ok {
		return map[string]any{"value": value}, nil
	}
	delete(object, "_meta")
	return object, nil
}

// stored returns the document that is there, an empty one if there is none.
func stored(path []byte) (map[string]any, error) {
	doc, err := sdk.Get(string(path))
	switch {
	case errors.Is(err, sdk.ErrNotFound):
		return map[string]any{}, nil
	case err != nil:
		return nil, err
	}
	return decode(doc.Data)
}

// merged returns the stored document with the members of another in it, as the
// host merges.
func merged(path []byte, changes map[string]any) (map[string]any, error) {
	doc, err := stored(path)
	if err != nil {
		return nil, err
	}
	for name, value := range changes {
		doc[name] = value
	}
	return doc, nil
}

// incremented returns the stored document as it is after an increment of the
// counter that data name. Where the host refuses one, it is the stored document.
func incremented(path, data, by []byte) (map[string]any, error) {
	doc, err := stored(path)
	if err != nil {
		return nil, err
	}
	if rawjson.TypeOf(by) == rawjson.String {
		by = rawjson.Unquote(by)
	}
	step, err := strconv.ParseFloat(strings.TrimSpace(string(by)), 64)
	if err != nil || rawjson.TypeOf(data) != rawjson.String {
		return doc, nil
	}
	name := string(rawjson.Unquote(data))
	counter, ok := doc[name].(map[string]any)
	if !ok {
		counter = map[string]any{}
	}
	before, _ := counter["value"].(float64)
	counter["value"] = before + step
	doc[name] = counter
	return doc, nil
}

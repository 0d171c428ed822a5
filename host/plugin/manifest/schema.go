package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// schemaName stands for the manifest where a schema is spoken of by address.
const schemaName = "urn:happn:configSchema"

// maxMistakes is how many mistakes of a configuration are told at once.
const maxMistakes = 3

// compileSchema reads a manifest's configSchema. It refers to nothing outside of
// itself.
func compileSchema(text json.RawMessage) (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(closedWorld{})
	c.AssertFormat()
	if err := c.AddResource(schemaName, doc); err != nil {
		return nil, err
	}
	schema, err := c.Compile(schemaName)
	var wrong *jsonschema.SchemaValidationError
	var mistakes *jsonschema.ValidationError
	if errors.As(err, &wrong) && errors.As(wrong.Err, &mistakes) {
		return nil, fmt.Errorf("is no JSON Schema: %s", strings.Join(mistakesIn(mistakes, "configSchema", nil), "; "))
	}
	if err != nil {
		return nil, fmt.Errorf("is no JSON Schema: %w", err)
	}
	return schema, nil
}

// closedWorld loads nothing: a module must not have the host read files or
// addresses.
type closedWorld struct{}

// Load implements jsonschema.URLLoader.
func (closedWorld) Load(url string) (any, error) {
	return nil, fmt.Errorf("a configSchema can refer only to itself, not to %s", url)
}

// CheckConfig compares the configuration with the plugin's own schema. file is
// where the configuration is from. The values at the places that are hidden stay untold.
func (m *Manifest) CheckConfig(file string, hidden []string) error {
	if m.ConfigSchema == nil {
		return nil
	}
	schema, err := compileSchema(m.ConfigSchema)
	if err != nil {
		return err
	}
	text := m.Config
	if text == nil {
		text = json.RawMessage("{}")
	}
	config, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("%s: config: %w", file, err)
	}
	err = schema.Validate(config)
	var mistakes *jsonschema.ValidationError
	if errors.As(err, &mistakes) {
		return fmt.Errorf("%s: %s", file, strings.Join(mistakesIn(mistakes, "config", hidden), "; "))
	}
	return err
}

// mistakesIn tells what is wrong, by key. It leaves out the values at places that
// hold secrets.
func mistakesIn(e *jsonschema.ValidationError, at string, hidden []string) (all []string) {
	printer := message.NewPrinter(language.English)
	var walk func(e *jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		for _, cause := range e.Causes {
			walk(cause)
		}
		if len(e.Causes) > 0 || len(all) >= maxMistakes {
			return
		}
		key := keyOf(at, e.InstanceLocation)
		says := e.ErrorKind.LocalizedString(printer)
		if slices.Contains(hidden, key) {
			says = hideValue(e.ErrorKind)
		}
		if one := key + ": " + says; !slices.Contains(all, one) {
			all = append(all, one)
		}
	}
	walk(e)
	return all
}

// hideValue tells what was expected, and nothing of what is there.
func hideValue(k jsonschema.ErrorKind) string {
	if t, ok := k.(*kind.Type); ok {
		return "want " + strings.Join(t.Want, " or ")
	}
	return "does not satisfy " + strings.Join(k.KeywordPath(), "/")
}

// keyOf writes a place in a configuration as operators write keys.
func keyOf(at string, location []string) string {
	for _, part := range location {
		at += "." + part
	}
	return at
}

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/happn-host/happn-host/plugins/sdk"
)

// config is the plugin's configuration.
type config struct {
	// Schemas are for the rules to refer to, by name.
	Schemas map[string]json.RawMessage `json:"schemas"`
	Rules   []struct {
		Paths  []string        `json:"paths"`
		Except []string        `json:"except"`
		Schema json.RawMessage `json:"schema"`
	} `json:"rules"`
	Errors int `json:"errors"` // how many a client is told of one document; 3
	MaxKiB int `json:"maxKiB"` // of one set's data, in KiB; 64
}

// rule is what documents on some paths must satisfy.
type rule struct {
	paths, except []string
	schema        *jsonschema.Schema
}

func (r *rule) concerns(path []byte) bool {
	return matchesAny(r.paths, path) && !matchesAny(r.except, path)
}

func matchesAny(patterns []string, path []byte) bool {
	for _, p := range patterns {
		if sdk.MatchesPath(p, path) {
			return true
		}
	}
	return false
}

// space is where schemas have their addresses, so that {"$ref": "address"} leads
// from a rule to the schema of that name.
const space = "happn:///"

// names is what names of schemas may be. Those of rules begin with "@".
var names = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// configure compiles the schemas, which may take its time.
func (c *checker) configure(text []byte) error {
	wanted := config{Errors: 3, MaxKiB: 64}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&wanted); err != nil {
		return err
	}
	switch {
	case wanted.Errors < 1 || wanted.Errors > 100:
		return errors.New("errors: must be from 1 to 100")
	case wanted.MaxKiB < 1:
		return errors.New("maxKiB: must be at least 1")
	}
	c.errors, c.maxBytes = wanted.Errors, wanted.MaxKiB<<10
	compiler, err := wanted.shared()
	if err != nil {
		return err
	}
	c.rules, err = wanted.compileRules(compiler)
	return err
}

// shared returns a compiler that knows the schemas with names.
func (c *config) shared() (*jsonschema.Compiler, error) {
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(nowhere{})
	compiler.AssertFormat()
	for name, schema := range c.Schemas {
		if !names.MatchString(name) {
			return nil, fmt.Errorf("schemas: the name %q may have letters, digits, and behind the first of these . _ -", name)
		}
		if err := add(compiler, space+name, schema); err != nil {
			return nil, fmt.Errorf("schemas.%s: %w", name, err)
		}
	}
	for name := range c.Schemas {
		if _, err := compile(compiler, space+name); err != nil {
			return nil, fmt.Errorf("schemas.%s: %w", name, err)
		}
	}
	return compiler, nil
}

func (c *config) compileRules(compiler *jsonschema.Compiler) (rules []rule, err error) {
	for i, r := range c.Rules {
		if len(r.Paths) == 0 {
			return nil, fmt.Errorf("rules[%d].paths: name the paths that the rule is about", i)
		}
		address := fmt.Sprintf("%s@%d", space, i)
		if err := add(compiler, address, r.Schema); err != nil {
			return nil, fmt.Errorf("rules[%d].schema: %w", i, err)
		}
		schema, err := compile(compiler, address)
		if err != nil {
			return nil, fmt.Errorf("rules[%d].schema: %w", i, err)
		}
		rules = append(rules, rule{r.Paths, r.Except, schema})
	}
	return rules, nil
}

func add(compiler *jsonschema.Compiler, address string, text json.RawMessage) error {
	if text == nil {
		return errors.New("is missing")
	}
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return compiler.AddResource(address, schema)
}

func compile(compiler *jsonschema.Compiler, address string) (*jsonschema.Schema, error) {
	schema, err := compiler.Compile(address)
	var wrong *jsonschema.SchemaValidationError
	var mistakes *jsonschema.ValidationError
	if errors.As(err, &wrong) && errors.As(wrong.Err, &mistakes) {
		first := list(mistakes, 1)[0]
		return nil, fmt.Errorf("is no JSON Schema: at %q: %s", first.At, first.Message)
	}
	if err != nil {
		return nil, errors.New(strings.ReplaceAll(err.Error(), space, ""))
	}
	return schema, nil
}

// nowhere loads nothing: a plugin has no files and no network.
type nowhere struct{}

// Load implements jsonschema.URLLoader.
func (nowhere) Load(url string) (any, error) {
	return nil, fmt.Errorf("there is no schema %q among schemas", strings.TrimPrefix(url, space))
}

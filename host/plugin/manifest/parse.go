package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"

	"go.yaml.in/yaml/v3"

	"github.com/happn-host/happn-host/host/plugin/hook"
	"github.com/happn-host/happn-host/host/plugin/limit"
	"github.com/happn-host/happn-host/host/plugin/object"
)

// MaxSize bounds a manifest and an operator file, in bytes.
const MaxSize = 1 << 20

// Parse reads the manifest that a module carries. Errors name the file, as which they
// are called, and the key.
func Parse(file string, content []byte) (*Manifest, error) {
	v, err := decodeJSON(file, content)
	if err != nil {
		return nil, err
	}
	t, err := object.New(file, v)
	if err != nil {
		return nil, err
	}
	m := &Manifest{ABI: "auto", Enabled: true}
	readManifest(t, m, nil)
	t.Name("name", &m.Name)
	t.Text("version", &m.Version)
	t.Text("description", &m.Description)
	t.Word("abi", []string{"auto", "raw", "extism"}, &m.ABI)
	if m.ConfigSchema = t.JSON("configSchema"); m.ConfigSchema != nil {
		if _, err := compileSchema(m.ConfigSchema); err != nil {
			t.Fail("configSchema", "%s", err)
		}
	}
	if h := m.Hook(hook.KindProtocol); h != nil && len(h.Protocol.Listen) > 0 {
		t.Fail("hooks", "listen stands in the operator's file only: a module does not choose addresses")
	}
	return m, t.Finish()
}

// Operator is what the operator says about a plugin: overrides of its
// manifest, and the only grants.
type Operator struct {
	Manifest
	grants bool // whether the file names them
}

// ParseOperator reads <name>.yaml.
func ParseOperator(file string, content []byte) (*Operator, error) {
	v, err := decodeYAML(file, content)
	if err != nil {
		return nil, err
	}
	t, err := object.New(file, v)
	if err != nil {
		return nil, err
	}
	o := &Operator{Manifest: Manifest{Enabled: true}}
	readManifest(t, &o.Manifest, o)
	t.Bool("enabled", &o.Enabled)
	t.Bool("required", &o.Required)
	t.Text("sha256", &o.SHA256)
	t.Bool("allowUnmetered", &o.AllowUnmetered)
	o.Canary = readCanary(t)
	return o, t.Finish()
}

// readManifest reads the keys that both files know.
func readManifest(t *object.Reader, m *Manifest, o *Operator) {
	t.Objects("hooks", func(h *object.Reader) {
		one := hook.Read(h)
		if m.Hook(one.Kind) != nil {
			h.Fail("kind", "%q occurs twice; give one entry for each kind", one.Kind)
		}
		m.Hooks = append(m.Hooks, one)
	})
	m.Config = t.JSON("config")
	grants, named := t.Words("grants", grantNames)
	for _, g := range grants {
		m.Grants = append(m.Grants, Grant(g))
	}
	t.Object("permissions", func(p *object.Reader) {
		m.Permissions = map[string]Permission{}
		for _, path := range p.Keys() {
			p.Object(path, func(entry *object.Reader) {
				m.Permissions[path] = Permission{Actions: readPermitted(entry, "actions"), Prohibit: readPermitted(entry, "prohibit")}
			})
		}
	})
	m.Calls, _ = t.Texts("calls")
	if o != nil {
		o.grants = named
	}
	m.Limits = limit.Read(t)
	m.OnError = hook.ReadOnError(t)
}

// permitted are the actions that permissions of plugins name.
var permitted = []string{"get", "set", "remove", "on", "*"}

func readPermitted(t *object.Reader, key string) []string {
	words, _ := t.Words(key, permitted)
	return words
}

// requiredLine is how a file says that its plugin is required which is no YAML.
var requiredLine = regexp.MustCompile(`(?m)^required:\s*true\b`)

// Required reports whether an operator's file marks its plugin as required, as
// far as can be told of one with mistakes: a misspelt key must not let a host
// start without what protects it.
func Required(operator []byte) bool {
	var says struct{ Required, Enabled any }
	if err := yaml.Unmarshal(operator, &says); err != nil {
		return requiredLine.Match(operator)
	}
	return says.Required == true && says.Enabled != false
}

func decodeJSON(file string, content []byte) (v any, err error) {
	if len(content) > MaxSize {
		return nil, fmt.Errorf("%s: manifest is larger than %d bytes", file, MaxSize)
	}
	d := json.NewDecoder(bytes.NewReader(content))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("%s: manifest is not JSON: %w", file, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: manifest has something after its closing brace", file)
	}
	return v, nil
}

func decodeYAML(file string, content []byte) (v any, err error) {
	if len(content) > MaxSize {
		return nil, fmt.Errorf("%s: file is larger than %d bytes", file, MaxSize)
	}
	// YAML numbers keep their type; maps with keys that are no strings become
	// map[any]any, which the reader refuses by name.
	if err := yaml.Unmarshal(content, &v); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return v, nil
}

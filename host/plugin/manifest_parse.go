package plugin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"

	"github.com/happn-host/happn-host/host/plugin/hook"
	"github.com/happn-host/happn-host/host/plugin/limit"
	"github.com/happn-host/happn-host/host/plugin/object"
)

// maxManifest bounds a manifest and an operator file, in bytes.
const maxManifest = 1 << 20

// parseManifest reads the manifest that a module carries. Errors name the file
// and the key.
func parseManifest(file string, content []byte) (*Manifest, error) {
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
	if h := m.hook(hook.KindProtocol); h != nil && len(h.Protocol.Listen) > 0 {
		t.Fail("hooks", "listen stands in the operator's file only: a module does not choose addresses")
	}
	return m, t.Finish()
}

// operatorFile is what the operator says about a plugin: overrides of its
// manifest, and the only grants.
type operatorFile struct {
	Manifest
	grants, permissions bool // whether the file names them
}

// parseOperator reads <name>.yaml.
func parseOperator(file string, content []byte) (*operatorFile, error) {
	v, err := decodeYAML(file, content)
	if err != nil {
		return nil, err
	}
	t, err := object.New(file, v)
	if err != nil {
		return nil, err
	}
	o := &operatorFile{Manifest: Manifest{Enabled: true}}
	readManifest(t, &o.Manifest, o)
	t.Bool("enabled", &o.Enabled)
	t.Bool("required", &o.Required)
	t.Text("sha256", &o.SHA256)
	o.Canary = readCanary(t)
	return o, t.Finish()
}

// readManifest reads the keys that both files know.
func readManifest(t *object.Reader, m *Manifest, o *operatorFile) {
	t.Objects("hooks", func(h *object.Reader) {
		one := hook.Read(h)
		if m.hook(one.Kind) != nil {
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
		o.grants, o.permissions = named, m.Permissions != nil
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

func decodeJSON(file string, content []byte) (v any, err error) {
	if len(content) > maxManifest {
		return nil, fmt.Errorf("%s: manifest is larger than %d bytes", file, maxManifest)
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
	if len(content) > maxManifest {
		return nil, fmt.Errorf("%s: file is larger than %d bytes", file, maxManifest)
	}
	// YAML numbers keep their type; maps with keys that are no strings become
	// map[any]any, which the reader refuses by name.
	if err := yaml.Unmarshal(content, &v); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return v, nil
}

package plugin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/object"
)

// maxManifest bounds a manifest and an operator file, in bytes.
const maxManifest = 1 << 20

var pluginName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

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
	t.Text("name", &m.Name)
	t.Text("version", &m.Version)
	t.Text("description", &m.Description)
	t.Word("abi", []string{"auto", "raw", "extism"}, &m.ABI)
	if m.ConfigSchema = t.JSON("configSchema"); m.ConfigSchema != nil {
		if _, err := compileSchema(m.ConfigSchema); err != nil {
			t.Fail("configSchema", "%s", err)
		}
	}
	if h := m.hook(HookProtocol); h != nil && len(h.Protocol.Listen) > 0 {
		t.Fail("hooks", "listen stands in the operator's file only: a module does not choose addresses")
	}
	if m.Name != "" && !pluginName.MatchString(m.Name) {
		t.Fail("name", "%q must begin with a letter or digit and hold at most 64 letters, digits, dots, dashes and underscores", m.Name)
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
		hook := readHook(h)
		if m.hook(hook.Kind) != nil {
			h.Fail("kind", "%q occurs twice; give one entry for each kind", hook.Kind)
		}
		m.Hooks = append(m.Hooks, hook)
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
	m.Limits = readLimits(t)
	t.Word("on_error", onErrorNames, (*string)(&m.OnError))
}

func readHook(t *object.Reader) Hook {
	var h Hook
	kind := ""
	t.Text("kind", &kind)
	h.Kind = HookKind(kind)
	names := kindNames()
	place := h.Kind.place()
	switch {
	case kind == "":
		t.Fail("kind", "is missing; it is one of %s", strings.Join(names, ", "))
	case place >= 0 && !allKinds[place].runs:
		t.Fail("kind", "hooks of kind %q are not supported by this version", kind)
	case place < 0:
		t.Fail("kind", "%q is not one of %s%s", kind, strings.Join(names, ", "), object.Suggest(kind, names))
	}
	t.Int("order", -1<<20, 1<<20, &h.Order)
	h.ordered = t.Has("order")
	t.Word("on_error", onErrorNames, (*string)(&h.OnError))
	readKind(t, &h)
	return h
}

// readKind reads the keys that only hooks of one kind have.
func readKind(t *object.Reader, h *Hook) {
	switch h.Kind {
	case HookInbound, HookOutbound:
		readLayer(t, h)
	case HookEvent:
		h.Event = readEvent(t)
	case HookService:
		h.Service = readService(t)
	case HookSearch:
		h.Search = readSearch(t)
	case HookHTTP:
		h.HTTP = readHTTP(t)
	case HookTick:
		h.Tick = readTick(t)
	case HookAuth:
		h.Auth = readAuth(t)
	case HookProtocol:
		h.Protocol = readProtocol(t)
	}
}

func readLayer(t *object.Reader, h *Hook) {
	h.Paths, _ = t.Texts("paths")
	h.Actions = readActions(t)
	kinds, _ := t.Words("kinds", []string{abi.KindResponse.String(), abi.KindPublication.String()})
	for _, k := range kinds {
		h.Kinds = append(h.Kinds, abi.ParseKind(k))
	}
	t.Word("scope", []string{ScopeRecipient, ScopePublication}, &h.Scope)
	t.Word("data", []string{DataEager, DataLazy}, &h.Data)
	if h.Kind == HookInbound && (h.Scope != "" || len(kinds) > 0) {
		t.Fail("kind", "scope and kinds belong to outbound hooks; an inbound hook sees requests")
	}
}

// permitted are the actions that permissions of plugins name.
var permitted = []string{"get", "set", "remove", "on", "*"}

func readPermitted(t *object.Reader, key string) []string {
	words, _ := t.Words(key, permitted)
	return words
}

func readActions(t *object.Reader) (out []abi.Action) {
	var names []string
	for a := abi.Action(1); a <= abi.MaxAction; a++ {
		names = append(names, a.String())
	}
	words, _ := t.Words("actions", names)
	for _, w := range words {
		out = append(out, abi.ParseAction(w))
	}
	return out
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

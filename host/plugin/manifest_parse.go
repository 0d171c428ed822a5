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
	t, err := newTree(file, v)
	if err != nil {
		return nil, err
	}
	m := &Manifest{ABI: "auto", Enabled: true}
	readManifest(t, m, nil)
	t.str("name", &m.Name)
	t.str("version", &m.Version)
	t.str("description", &m.Description)
	t.word("abi", []string{"auto", "raw", "extism"}, &m.ABI)
	if m.ConfigSchema = t.raw("configSchema"); m.ConfigSchema != nil {
		if _, err := compileSchema(m.ConfigSchema); err != nil {
			t.fail("configSchema", "%s", err)
		}
	}
	if h := m.hook(HookProtocol); h != nil && len(h.Protocol.Listen) > 0 {
		t.fail("hooks", "listen stands in the operator's file only: a module does not choose addresses")
	}
	if m.Name != "" && !pluginName.MatchString(m.Name) {
		t.fail("name", "%q must begin with a letter or digit and hold at most 64 letters, digits, dots, dashes and underscores", m.Name)
	}
	return m, t.finish()
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
	t, err := newTree(file, v)
	if err != nil {
		return nil, err
	}
	o := &operatorFile{Manifest: Manifest{Enabled: true}}
	readManifest(t, &o.Manifest, o)
	t.boolean("enabled", &o.Enabled)
	t.boolean("required", &o.Required)
	t.str("sha256", &o.SHA256)
	o.Canary = readCanary(t)
	return o, t.finish()
}

// readManifest reads the keys that both files know.
func readManifest(t *tree, m *Manifest, o *operatorFile) {
	t.objects("hooks", func(h *tree) {
		hook := readHook(h)
		if m.hook(hook.Kind) != nil {
			h.fail("kind", "%q occurs twice; give one entry for each kind", hook.Kind)
		}
		m.Hooks = append(m.Hooks, hook)
	})
	m.Config = t.raw("config")
	grants, named := t.words("grants", grantNames)
	for _, g := range grants {
		m.Grants = append(m.Grants, Grant(g))
	}
	t.object("permissions", func(p *tree) {
		m.Permissions = map[string]Permission{}
		for _, path := range sortedKeys(p.m) {
			p.object(path, func(entry *tree) {
				m.Permissions[path] = Permission{Actions: readPermitted(entry, "actions"), Prohibit: readPermitted(entry, "prohibit")}
			})
		}
	})
	m.Calls, _ = t.strings("calls")
	if o != nil {
		o.grants, o.permissions = named, m.Permissions != nil
	}
	m.Limits = readLimits(t)
	t.word("on_error", onErrorNames, (*string)(&m.OnError))
}

func readHook(t *tree) Hook {
	var h Hook
	kind := ""
	t.str("kind", &kind)
	h.Kind = HookKind(kind)
	names := kindNames()
	place := h.Kind.place()
	switch {
	case kind == "":
		t.fail("kind", "is missing; it is one of %s", strings.Join(names, ", "))
	case place >= 0 && !allKinds[place].runs:
		t.fail("kind", "hooks of kind %q are not supported by this version", kind)
	case place < 0:
		t.fail("kind", "%q is not one of %s%s", kind, strings.Join(names, ", "), suggest(kind, names))
	}
	t.integer("order", -1<<20, 1<<20, &h.Order)
	_, h.ordered = t.m["order"]
	t.word("on_error", onErrorNames, (*string)(&h.OnError))
	readKind(t, &h)
	return h
}

// readKind reads the keys that only hooks of one kind have.
func readKind(t *tree, h *Hook) {
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

func readLayer(t *tree, h *Hook) {
	h.Paths, _ = t.strings("paths")
	h.Actions = readActions(t)
	kinds, _ := t.words("kinds", []string{abi.KindResponse.String(), abi.KindPublication.String()})
	for _, k := range kinds {
		h.Kinds = append(h.Kinds, abi.ParseKind(k))
	}
	t.word("scope", []string{ScopeRecipient, ScopePublication}, &h.Scope)
	t.word("data", []string{DataEager, DataLazy}, &h.Data)
	if h.Kind == HookInbound && (h.Scope != "" || len(kinds) > 0) {
		t.fail("kind", "scope and kinds belong to outbound hooks; an inbound hook sees requests")
	}
}

// permitted are the actions that permissions of plugins name.
var permitted = []string{"get", "set", "remove", "on", "*"}

func readPermitted(t *tree, key string) []string {
	words, _ := t.words(key, permitted)
	return words
}

func readActions(t *tree) (out []abi.Action) {
	var names []string
	for a := abi.Action(1); a <= abi.MaxAction; a++ {
		names = append(names, a.String())
	}
	words, _ := t.words("actions", names)
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

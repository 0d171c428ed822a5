package plugin_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
	"github.com/happn-host/happn-host/host/plugin/manifest"
)

// talkative makes a guest that logs its configuration when it starts, and fails
// with its whole configuration on every message.
func talkative() []byte {
	m := &asm.Module{}
	log := m.Import("happn", "log", []byte{0x7f, 0x7f, 0x7f}, asm.None)
	config := m.Import("happn", "config", []byte{0x7f, 0x7f}, asm.I32)
	bare(m)
	m.Func(abi.ExportInit, asm.I32, asm.I32, nil,
		asm.I32Const(1), asm.I32Const(buffer), asm.LocalGet(0), asm.Call(log), asm.I32Const(0))
	m.Func(abi.ExportInbound, asm.I32, asm.I64, nil,
		asm.I32Const(output), asm.I32Const(64), asm.Call(config), asm.Drop, verdict(abi.VerdictError, output, 40))
	return m.Bytes()
}

const settings = `{
	"type": "object", "additionalProperties": false, "required": ["url"],
	"properties": {
		"url": {"type": "string", "format": "uri", "pattern": "^https://"},
		"limit": {"type": "integer", "minimum": 1},
		"key": {"type": "string", "minLength": 8, "pattern": "^k-"},
		"nested": {"$ref": "#/$defs/list"}
	},
	"$defs": {"list": {"type": "array", "items": {"enum": ["a", "b"]}}}
}`

func TestAConfigurationIsCheckedAgainstThePluginsOwnSchema(t *testing.T) {
	t.Setenv("SCHEMA_TEST_KEY", "not-a-k")
	for name, c := range map[string]struct {
		operator string
		says     []string // none if it runs
	}{
		"right":                     {"config: {url: 'https://a.example', limit: 3, nested: [a, b]}", nil},
		"none, and one is needed":   {"", []string{"p.wasm (to be overruled in p.yaml): config: missing property 'url'"}},
		"a key is missing":          {"config: {limit: 1}", []string{"p.yaml: config: missing property 'url'"}},
		"a key that nobody knows":   {"config: {url: 'https://a.example', urls: 1}", []string{"p.yaml: config: additional properties 'urls' not allowed"}},
		"another type":              {"config: {url: 'https://a.example', limit: many}", []string{"p.yaml: config.limit: got string, want integer"}},
		"out of bounds":             {"config: {url: 'https://a.example', limit: 0}", []string{"p.yaml: config.limit: minimum: got 0, want 1"}},
		"one of a list":             {"config: {url: 'https://a.example', nested: [a, c]}", []string{"p.yaml: config.nested.1: value must be one of 'a', 'b'"}},
		"two mistakes":              {"config: {url: 'http://a.example', limit: 0}", []string{"config.url: ", "does not match pattern '^https://'", "config.limit: minimum"}},
		"a secret stays untold":     {"config: {url: 'https://a.example', key: {$env: SCHEMA_TEST_KEY}}", []string{"p.yaml: config.key: does not satisfy"}},
		"a secret of another place": {"config: {url: {$env: SCHEMA_TEST_KEY}}", []string{"config.url: does not satisfy"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, nil)
			if c.operator != "" {
				f.put("p.yaml", []byte(c.operator))
			}
			f.put("p.wasm", withManifest(t, passes(), `{"name":"p","configSchema":`+settings+`}`))
			info := f.only()
			if c.says == nil {
				require.Equal(t, plugin.StateReady, info.State, info.Reason)
				return
			}
			require.Equal(t, plugin.StateRefused, info.State)
			for _, says := range c.says {
				require.Contains(t, info.Reason, says)
			}
			require.NotContains(t, info.Reason, "not-a-k")
			require.NotContains(t, f.log.String(), "not-a-k")
		})
	}
}

func TestASchemaThatIsNoneIsRefused(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "s.json")
	require.NoError(t, os.WriteFile(secret, []byte(`{"type":"string"}`), 0o600))
	for name, c := range map[string]struct{ schema, says string }{
		"a wrong type":              {`{"type":"text"}`, "p.wasm: configSchema: is no JSON Schema: configSchema.type"},
		"no schema at all":          {`3`, "configSchema: is no JSON Schema"},
		"a reference to nowhere":    {`{"$ref":"#/$defs/none"}`, "configSchema: is no JSON Schema"},
		"a reference to a file":     {fmt.Sprintf(`{"$ref":"file://%s"}`, secret), "can refer only to itself"},
		"a reference to a server":   {`{"$ref":"http://127.0.0.1:1/schema"}`, "can refer only to itself"},
		"a pattern that is wrong":   {`{"properties":{"a":{"pattern":"("}}}`, "configSchema: is no JSON Schema"},
		"a draft that nobody knows": {`{"$schema":"http://127.0.0.1:1/draft"}`, "can refer only to itself"},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, nil)
			content := `{"name":"p","configSchema":` + c.schema + `}`
			f.put("p.wasm", withManifest(t, passes(), content))
			require.Equal(t, plugin.StateRefused, f.only().State)
			require.Contains(t, f.only().Reason, c.says)
			_, err := manifest.Parse("manifest.json", []byte(content))
			require.ErrorContains(t, err, "manifest.json: configSchema: ", "where plugins are built")
		})
	}
}

func TestSecretsReachThePluginAndNobodyElse(t *testing.T) {
	t.Setenv("SECRET_TEST", `s3cr"et`)
	f := open(t, nil)
	require.NoError(t, os.WriteFile(filepath.Join(f.dir, "key"), []byte("in-a-file\r\n"), 0o600))
	f.put("p.yaml", []byte("on_error: reject\nconfig: {a: {$env: SECRET_TEST}, b: [{$file: key}], file: plain}\n"))
	f.put("p.wasm", withManifest(t, talkative(), `{"name":"p"}`))
	info := f.only()
	require.Equal(t, plugin.StateReady, info.State, info.Reason)
	_, err := f.call(request())
	require.Error(t, err)
	lines, logErr := f.Logs("p", 0, 100)
	require.NoError(t, logErr)
	said := fmt.Sprint(f.log.String(), f.only(), lines, err)
	require.Contains(t, said, `file\":\"plain`, "it did log its configuration")
	require.Contains(t, said, "***")
	for _, secret := range []string{`s3cr`, "in-a-file"} {
		require.NotContains(t, said, secret)
	}
}

func TestASecretThatIsNotThereIsAReason(t *testing.T) {
	f := open(t, nil)
	f.put("p.yaml", []byte("config: {a: [1, {$file: none}]}"))
	f.put("p.wasm", passes())
	require.Equal(t, plugin.StateRefused, f.only().State)
	require.Contains(t, f.only().Reason, "p.yaml: config.a.1: the secret in "+filepath.Join(f.dir, "none"))
}

func TestAModuleCannotNameSecrets(t *testing.T) {
	t.Setenv("SECRET_TEST", "s3cret")
	f := open(t, nil)
	f.put("p.wasm", withManifest(t, talkative(), `{"name":"p","config":{"a":{"$env":"SECRET_TEST"},"file":"plain"}}`))
	require.Equal(t, plugin.StateReady, f.only().State)
	require.Contains(t, f.log.String(), `$env\":\"SECRET_TEST`, "it stays what it is")
	require.NotContains(t, f.log.String(), "s3cret")
}

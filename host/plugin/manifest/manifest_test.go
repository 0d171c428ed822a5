package manifest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/hook"
	"github.com/happn-host/happn-host/host/plugin/limit"
	"github.com/happn-host/happn-host/host/plugin/manifest"
)

func TestManifest(t *testing.T) {
	m, err := manifest.Parse("m", []byte(`{
		"name": "n", "version": "1", "description": "d", "abi": "raw",
		"hooks": [
			{"kind": "inbound", "order": -3, "paths": ["/a/*"], "actions": ["set", "configure-session"], "data": "lazy"},
			{"kind": "outbound", "kinds": ["publication"], "scope": "publication", "on_error": "close"}],
		"config": {"k": [1, 1.50, 12345678901234567890]}, "configSchema": {"type": "object"},
		"grants": ["log", "publish"], "permissions": {"/a": {"actions": ["get"]}},
		"limits": {"timeout": "10ms", "startTimeout": "1s", "wait": "2ms", "waiting": 3, "memoryMiB": 8, "outputKiB": 64, "instances": 2},
		"on_error": "reject"}`))
	require.NoError(t, err)
	require.Equal(t, &manifest.Manifest{
		Name: "n", Version: "1", Description: "d", ABI: "raw", Enabled: true, OnError: hook.OnErrorReject,
		Hooks:        m.Hooks,
		Config:       []byte(`{"k":[1,1.50,12345678901234567890]}`),
		ConfigSchema: []byte(`{"type":"object"}`),
		Grants:       []manifest.Grant{manifest.GrantLog, manifest.GrantPublish},
		Permissions:  map[string]manifest.Permission{"/a": {Actions: []string{"get"}}},
		Limits: limit.Set{
			Timeout: 10 * time.Millisecond, StartTimeout: time.Second, Wait: 2 * time.Millisecond, Waiting: 3,
			MemoryMiB: 8, OutputKiB: 64, Instances: 2,
		},
	}, m)
	in, out := m.Hooks[0], m.Hooks[1]
	require.Equal(t, []abi.Action{abi.ActionSet, abi.ActionConfigure}, in.Actions)
	require.Equal(t, -3, in.Order)
	require.Equal(t, hook.DataLazy, in.Data)
	require.Equal(t, []abi.Kind{abi.KindPublication}, out.Kinds)
	require.Equal(t, hook.ScopePublication, out.Scope)
	require.Equal(t, hook.OnErrorClose, out.OnError)
}

func TestManifestErrorsNameFileKeyAndRemedy(t *testing.T) {
	for content, says := range map[string]string{
		`[]`:                             "m: expected an object at the top, got a list",
		`{} {}`:                          "m: manifest has something after its closing brace",
		`{"nmae":"x"}`:                   `m: nmae: unknown key; did you mean "name"?`,
		`{"qqqqqqqqq":1}`:                "m: qqqqqqqqq: unknown key",
		`{"name":1}`:                     "m: name: expected a string, got a number",
		`{"name":"a b"}`:                 `m: name: "a b" must begin with a letter`,
		`{"abi":"rwa"}`:                  `m: abi: "rwa" is not one of auto, raw, extism; did you mean "raw"?`,
		`{"hooks":{}}`:                   "m: hooks: expected a list of objects, got an object",
		`{"hooks":[1]}`:                  "m: hooks[0]: expected an object, got a number",
		`{"hooks":[{}]}`:                 "m: hooks[0].kind: is missing",
		`{"hooks":[{"kind":"inbuond"}]}`: `did you mean "inbound"?`,
		`{"hooks":[{"kind":"protocol","listen":[{"tcp":"127.0.0.1:1"}]}]}`: `m: hooks: listen stands in the operator's file only`,
		`{"hooks":[{"kind":"inbound"},{"kind":"inbound"}]}`:                `m: hooks[1].kind: "inbound" occurs twice`,
		`{"hooks":[{"kind":"inbound","scope":"publication"}]}`:             "scope and kinds belong to outbound hooks",
		`{"hooks":[{"kind":"inbound","actions":["sett"]}]}`:                `m: hooks[0].actions[0]: "sett" is not one of`,
		`{"hooks":[{"kind":"inbound","paths":"/a"}]}`:                      "m: hooks[0].paths: expected a list of strings, got a string",
		`{"hooks":[{"kind":"outbound","kinds":["request"]}]}`:              `"request" is not one of response, publication`,
		`{"hooks":[{"kind":"inbound","order":1.5}]}`:                       "m: hooks[0].order: expected a whole number",
		`{"limits":{"timeout":5}}`:                                         "m: limits.timeout: expected a string, got a number",
		`{"limits":{"timeout":"5"}}`:                                       `m: limits.timeout: expected a duration such as "50ms"`,
		`{"limits":{"memoryMB":5}}`:                                        `m: limits.memoryMB: unknown key; did you mean "memoryMiB"?`,
		`{"limits":{"memoryMiB":0}}`:                                       "m: limits.memoryMiB: expected a whole number from 1 to 4096, got 0",
		`{"grants":["logs"]}`:                                              `m: grants[0]: "logs" is not one of log, publish, http-routes, listen, tick, sessions; did you mean "log"?`,
		`{"permissions":{"/a":["get"]}}`:                                   "m: permissions./a: expected an object, got a list",
		`{"on_error":"ignore"}`:                                            `m: on_error: "ignore" is not one of pass, reject, close`,
		`{"sha256":"x"}`:                                                   "m: sha256: unknown key",
		`{"enabled":false}`:                                                "m: enabled: unknown key",
	} {
		t.Run(content, func(t *testing.T) {
			_, err := manifest.Parse("m", []byte(content))
			require.ErrorContains(t, err, says)
		})
	}
}

func TestOperatorFileErrors(t *testing.T) {
	for file, says := range map[string]string{
		"enabeld: false":                        `p.yaml: enabeld: unknown key; did you mean "enabled"?`,
		"enabled: 1":                            "p.yaml: enabled: expected true or false, got a number",
		"name: x":                               "p.yaml: name: unknown key",
		"- a":                                   "p.yaml: expected an object at the top, got a list",
		"hooks: [{kind: outbound}]":             "p.yaml: hooks: the module has no outbound hook",
		"permissions: {/a: {actions: [fetch]}}": `p.yaml: permissions./a.actions[0]: "fetch" is not one of`,
		"limits: {1: 2}":                        "p.yaml: limits: expected an object, got an object with keys that are no strings",
		"a: b: c":                               "p.yaml: yaml: ",
	} {
		_, err := manifest.ParseBoth("p.wasm", []byte(`{"hooks":[{"kind":"inbound"}]}`), "p.yaml", []byte(file))
		require.ErrorContains(t, err, says, file)
	}
}

func TestWhatOnlyTheOperatorSays(t *testing.T) {
	const wants = `{"name":"n","grants":["publish"],"permissions":{"/a":{"actions":["get"]}},"calls":["geo"],"limits":{"memoryMiB":8,"timeout":"10s"},
		"on_error":"reject","config":{"a":1}}`
	m, err := manifest.ParseBoth("n.wasm", []byte(wants), "n.yaml", nil)
	require.NoError(t, err)
	require.Equal(t, []manifest.Grant{manifest.GrantLog}, m.Grants, "wanting is not having")
	require.Empty(t, m.Permissions)
	require.Empty(t, m.Calls)
	require.Equal(t, 8, m.Limits.MemoryMiB)
	require.Equal(t, 50*time.Millisecond, m.Limits.Timeout, "a module does not raise its own limits")
	require.Equal(t, 10, m.Canary.Share)
	require.Equal(t, hook.OnErrorReject, m.OnError)

	m, err = manifest.ParseBoth("n.wasm", []byte(wants), "n.yaml", []byte(`
grants: [sessions]
permissions: {/b: {actions: [set], prohibit: [get]}}
calls: [fog]
limits: {memoryMiB: 32, timeout: 10s}
on_error: close
config: {b: 2}
enabled: false
required: true
sha256: ABCD
canary: {share: 50, promoteAfter: 1h, maxErrors: 0, sha256: EF}
`))
	require.NoError(t, err)
	require.Equal(t, []manifest.Grant{manifest.GrantSessions}, m.Grants)
	require.True(t, m.Granted(manifest.GrantSessions))
	require.False(t, m.Granted(manifest.GrantLog))
	require.Equal(t, map[string]manifest.Permission{"/b": {Actions: []string{"set"}, Prohibit: []string{"get"}}}, m.Permissions)
	require.Equal(t, []string{"fog"}, m.Calls)
	require.Equal(t, 32, m.Limits.MemoryMiB)
	require.Equal(t, 10*time.Second, m.Limits.Timeout)
	require.Equal(t, hook.OnErrorClose, m.OnError)
	require.JSONEq(t, `{"b":2}`, string(m.Config))
	require.False(t, m.Enabled)
	require.True(t, m.Required)
	require.Equal(t, "abcd", m.SHA256)
	require.Equal(t, manifest.Canary{Share: 50, PromoteAfter: time.Hour, MinCalls: 100, MaxFaults: 3, MaxRefusals: 20, SHA256: "ef"}, m.Canary)
}

func TestHooksNeedWhatTheOperatorGives(t *testing.T) {
	for content, says := range map[string]string{
		`{"hooks":[{"kind":"tick"}]}`:                                 "a hook of kind tick needs the grant \"tick\": add it to grants in p.yaml",
		`{"hooks":[{"kind":"http"}]}`:                                 "needs the grant \"http-routes\"",
		`{"hooks":[{"kind":"protocol"}]}`:                             "needs the grant \"listen\"",
		`{"hooks":[{"kind":"service"}]}`:                              "p.yaml: hooks: a service hook needs names",
		`{"hooks":[{"kind":"auth"}]}`:                                 "p.wasm: hooks: an auth hook needs provider",
		`{"hooks":[{"kind":"auth","provider":"a","users":["*"]}]}`:    "p.yaml: hooks: an auth hook needs users",
		`{"hooks":[{"kind":"search","queries":["a"],"ranks":["x"]}]}`: "ranks names x",
	} {
		_, err := manifest.ParseBoth("p.wasm", []byte(content), "p.yaml", nil)
		require.ErrorContains(t, err, says, content)
	}
	for content, says := range map[string]string{
		"tick": "p.yaml: hooks: a tick hook needs every", "protocol": "p.yaml: hooks: a protocol hook needs listen",
	} {
		_, err := manifest.ParseBoth("p.wasm", []byte(`{"hooks":[{"kind":"`+content+`"}]}`), "p.yaml", []byte("grants: [tick, listen]"))
		require.ErrorContains(t, err, says, content)
	}
}

func TestAConfigurationIsComparedWithItsSchema(t *testing.T) {
	m, err := manifest.Parse("p.wasm", []byte(`{"configSchema":{"required":["url"],"properties":{"url":{"pattern":"^https:"},"n":{"type":"integer"}}}}`))
	require.NoError(t, err)
	for config, says := range map[string]string{
		``: "p.yaml: config: missing property 'url'", `{"url":"https://a"}`: "", `{"url":"https://a","n":"many"}`: "p.yaml: config.n: got string, want integer",
		`{"url":"s3cret"}`: "p.yaml: config.url: does not satisfy pattern", `{`: "p.yaml: config: ",
	} {
		if m.Config = nil; config != "" {
			m.Config = []byte(config)
		}
		err := m.CheckConfig("p.yaml", []string{"config.url"})
		if says == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, says)
		require.NotContains(t, err.Error(), "s3cret")
	}
	m.ConfigSchema = nil
	require.NoError(t, m.CheckConfig("p.yaml", nil), "without one anything goes")
}

// A misspelt file must not let a host start without what protects it.
func TestWhichFilesRequireTheirPlugin(t *testing.T) {
	for file, want := range map[string]bool{
		"": false, "required: true": true, "required: false": false, "required: true\nenabled: false": false, "requird: true": false,
		"required: true\nlimits: {nobodyKnows: 1}": true, "required: true\na: b: c": true, "a: b: c": false,
	} {
		require.Equal(t, want, manifest.Required([]byte(file)), file)
	}
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"name":"n","hooks":[{"kind":"inbound","paths":["*"],"actions":["set"]}],"limits":{"timeout":"1s"},"config":{"a":[1,null]}}`))
	f.Add([]byte(`{"permissions":{"/a":{"actions":["get"]}},"grants":["log"]}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		m, err := manifest.Parse("m", content)
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		require.True(t, m.Enabled)
		for _, h := range m.Hooks {
			require.GreaterOrEqual(t, h.Kind.Place(), 0)
		}
	})
}

package plugin_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/hook"
	"github.com/happn-host/happn-host/host/plugin/limit"
)

func TestManifest(t *testing.T) {
	m, err := plugin.ParseManifest("m", []byte(`{
		"name": "n", "version": "1", "description": "d", "abi": "raw",
		"hooks": [
			{"kind": "inbound", "order": -3, "paths": ["/a/*"], "actions": ["set", "configure-session"], "data": "lazy"},
			{"kind": "outbound", "kinds": ["publication"], "scope": "publication", "on_error": "close"}],
		"config": {"k": [1, 1.50, 12345678901234567890]}, "configSchema": {"type": "object"},
		"grants": ["log", "publish"], "permissions": {"/a": {"actions": ["get"]}},
		"limits": {"timeout": "10ms", "startTimeout": "1s", "wait": "2ms", "waiting": 3, "memoryMiB": 8, "outputKiB": 64, "instances": 2},
		"on_error": "reject"}`))
	require.NoError(t, err)
	require.Equal(t, &plugin.Manifest{
		Name: "n", Version: "1", Description: "d", ABI: "raw", Enabled: true, OnError: hook.OnErrorReject,
		Hooks:        m.Hooks,
		Config:       []byte(`{"k":[1,1.50,12345678901234567890]}`),
		ConfigSchema: []byte(`{"type":"object"}`),
		Grants:       []plugin.Grant{plugin.GrantLog, plugin.GrantPublish},
		Permissions:  map[string]plugin.Permission{"/a": {Actions: []string{"get"}}},
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
	for manifest, says := range map[string]string{
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
		t.Run(manifest, func(t *testing.T) {
			_, err := plugin.ParseManifest("m", []byte(manifest))
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
		t.Run(file, func(t *testing.T) {
			f := open(t, nil)
			f.put("p.wasm", passes())
			f.put("p.yaml", []byte(file))
			require.Equal(t, plugin.StateDegraded, f.only().State, "the version before goes on")
			require.Contains(t, f.only().Reason, says)
		})
	}
}

func TestAModuleDoesNotRaiseItsOwnLimits(t *testing.T) {
	f := open(t, func(o *plugin.Options) { o.Limits = limit.Set{Instances: 2, MemoryMiB: 16} })
	f.put("p.wasm", withManifest(t, passes(), `{"limits":{"instances":50,"memoryMiB":8,"timeout":"10s"},"grants":["publish"]}`))
	info := f.only()
	require.Equal(t, 2, info.Limits.Instances)
	require.Equal(t, 8, info.Limits.MemoryMiB)
	require.Equal(t, 50*time.Millisecond, info.Limits.Timeout)
	require.Equal(t, []plugin.Grant{plugin.GrantLog}, info.Grants, "wanting is not having")

	f.put("p.yaml", []byte("limits: {memoryMiB: 32, timeout: 10s}\ngrants: [log, publish]"))
	info = f.only()
	require.Equal(t, 32, info.Limits.MemoryMiB)
	require.Equal(t, 10*time.Second, info.Limits.Timeout)
	require.Equal(t, []plugin.Grant{plugin.GrantLog, plugin.GrantPublish}, info.Grants)
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"name":"n","hooks":[{"kind":"inbound","paths":["*"],"actions":["set"]}],"limits":{"timeout":"1s"},"config":{"a":[1,null]}}`))
	f.Add([]byte(`{"permissions":{"/a":{"actions":["get"]}},"grants":["log"]}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		m, err := plugin.ParseManifest("m", content)
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		require.True(t, m.Enabled)
		for _, h := range m.Hooks {
			require.Contains(t, []hook.Kind{hook.KindInbound, hook.KindOutbound}, h.Kind)
		}
	})
}

//go:build !wasip1

package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/plugins/sdk/sdktest"
)

const rules = `{"rules":[
	{"path":"/sensors/*","required":{"value":"number"},"optional":{"unit":"string|null","at.x":"number"}},
	{"path":"*/strict","required":{"id":"any"}}]}`

func TestValidate(t *testing.T) {
	sdktest.Both(t, (&validator{}).plugin(), func(t *testing.T, start sdktest.Start) {
		p := start(rules)
		for name, c := range map[string]struct {
			path, data, options, message string
		}{
			"fine":                       {"/sensors/1", `{"value":1}`, "", ""},
			"fine with more":             {"/sensors/1/2", `{"value":-1.5e3,"unit":"C","at":{"x":1},"other":[]}`, "", ""},
			"another path":               {"/x", `5`, "", ""},
			"missing":                    {"/sensors/1", `{"unit":"C"}`, "", `/sensors/1: field \"value\" is missing, expected number`},
			"wrong type":                 {"/sensors/1", `{"value":"1"}`, "", `/sensors/1: field \"value\" must be number, got string`},
			"optional null":              {"/sensors/1", `{"value":1,"unit":null}`, "", ""},
			"optional of the wrong type": {"/sensors/1", `{"value":1,"unit":3}`, "", `/sensors/1: field \"unit\" must be string|null, got number`},
			"nested of the wrong type":   {"/sensors/1", `{"value":1,"at":{"x":"1"}}`, "", `/sensors/1: field \"at.x\" must be number, got string`},
			"no object":                  {"/sensors/1", `[1]`, "", `/sensors/1: data must be an object, got array`},
			"merge without":              {"/sensors/1", `{"unit":"C"}`, `{"merge":true}`, ""},
			"merge of the wrong type":    {"/sensors/1", `{"value":true}`, `{"merge":true}`, `/sensors/1: field \"value\" must be number, got boolean`},
			"a sibling":                  {"/sensors", `{"unit":"C"}`, `{"set_type":"sibling"}`, `/sensors/*: field \"value\" is missing, expected number`},
			"bulk":                       {"/", `[{"path":"/x","data":1},{"path":"/sensors/2","data":{"value":"1"}}]`, `{"bulk":true}`, `/sensors/2: field \"value\" must be number, got string`},
			"bulk that is fine":          {"/", `[{"path":"/x","data":1},{"path":"/sensors/2","data":{"value":1}}]`, `{"bulk":1}`, ""},
			"null":                       {"/sensors/1", `{"value":1}`, `{"nullValue":true}`, `/sensors/1: data must be an object, got null`},
			"two rules, the second":      {"/sensors/strict", `{"value":1}`, "", `/sensors/strict: field \"id\" is missing, expected any`},
		} {
			t.Run(name, func(t *testing.T) {
				r := p.Inbound(abi.Record{Action: abi.ActionSet, Path: []byte(c.path), Data: []byte(c.data), Options: []byte(c.options)})
				require.NoError(t, r.Err)
				if c.message == "" {
					require.Equal(t, abi.VerdictPass, r.Verdict)
					return
				}
				require.Equal(t, abi.VerdictReject, r.Verdict)
				require.Equal(t, `{"name":"ValidationError","message":"`+c.message+`"}`, string(r.Message.Error))
			})
		}
		r := p.Inbound(abi.Record{Action: abi.ActionGet, Path: []byte("/sensors/1")})
		require.Equal(t, abi.VerdictPass, r.Verdict, "only sets are checked")
	})
}

func TestConfigurationErrorsNameTheKey(t *testing.T) {
	for config, says := range map[string]string{
		`{"rules":[{}]}`: "rules[0].path is missing",
		`{"rules":[{"path":"/","required":{"a":"float"}}]}`: `rules[0].required.a: "float" is no type`,
		`{"rules":[{"path":"/","optional":{"a.":"any"}}]}`:  "rules[0].optional.a.: the name has an empty part",
		`{"rule":[]}`: `unknown field "rule"`,
	} {
		require.ErrorContains(t, (&validator{}).configure([]byte(config)), says)
	}
}

func BenchmarkNative(b *testing.B) { bench(b, sdktest.Native(b, (&validator{}).plugin(), rules)) }

func BenchmarkWasm(b *testing.B) { bench(b, sdktest.Wasm(b, sdktest.Compile(b, "."), rules)) }

func bench(b *testing.B, p sdktest.Host) {
	rec := abi.Record{Action: abi.ActionSet, Path: []byte("/sensors/1"), Data: []byte(`{"value":21.5,"unit":"C","at":{"x":1,"y":2},"tags":["a","b"]}`)}
	b.ReportAllocs()
	for b.Loop() {
		if r := p.Inbound(rec); r.Verdict != abi.VerdictPass {
			b.Fatal(r)
		}
	}
}

//go:build !wasip1

package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/plugins/sdk/sdktest"
)

func set(path, data, options string) abi.Record {
	return abi.Record{Action: abi.ActionSet, Path: []byte(path), Data: []byte(data), Options: []byte(options)}
}

// TestPlugin has one test for both, so that the module is compiled once.
func TestPlugin(t *testing.T) {
	sdktest.Both(t, (&checker{}).plugin(), func(t *testing.T, start sdktest.Start) {
		t.Run("documents must satisfy the schemas of their paths", func(t *testing.T) { documents(t, start) })
		t.Run("merges and increments are checked as what they make", func(t *testing.T) { changes(t, start) })
	})
}

func documents(t *testing.T, start sdktest.Start) {
	p := start("") // the operator's file of this folder
	_, err := p.Client().Set(t.Context(), "/sensors/stored", json.RawMessage(`{"value":1,"unit":"C","n":{"value":1}}`), nil)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		path, data, options, at, keyword string
	}{
		"fine":                            {"/sensors/1", `{"value":1,"unit":"K","at":{"lat":1,"lon":2}}`, `{}`, "", ""},
		"fine with _meta, as it was read": {"/sensors/1", `{"value":1,"_meta":{"path":"/sensors/1"}}`, `{}`, "", ""},
		"a value is a member":             {"/sensors/1", `5`, `{}`, "", ""},
		"another path":                    {"/x", `{"value":"1"}`, `{}`, "", ""},
		"an exception":                    {"/sensors/1/notes", `"text"`, `{}`, "", ""},
		"missing":                         {"/sensors/1", `{"unit":"C"}`, `{}`, "", "required"},
		"nothing at all":                  {"/sensors/1", ``, `{}`, "", "required"},
		"null by option":                  {"/sensors/1", `{"value":1}`, `{"nullValue":true}`, "/value", "type"},
		"of the wrong type":               {"/sensors/1", `{"value":"1"}`, `{}`, "/value", "type"},
		"one of several":                  {"/sensors/1", `{"value":1,"unit":"m"}`, `{}`, "/unit", "enum"},
		"inside of another schema":        {"/sensors/1", `{"value":1,"at":{"lat":91,"lon":0}}`, `{}`, "/at/lat", "maximum"},
		"unknown":                         {"/sensors/1", `{"value":1,"more":2}`, `{}`, "", "additionalProperties"},
		"a number beyond all":             {"/sensors/1", `{"value":1e999999999}`, `{}`, "", "type"},
		"publications, too":               {"/sensors/1", `{"value":true}`, `{"noStore":true}`, "/value", "type"},
		"merge into nothing":              {"/sensors/new", `{"unit":"C"}`, `{"merge":true}`, "", "required"},
		"merge into what is there":        {"/sensors/stored", `{"unit":"F"}`, `{"merge":1}`, "", "additionalProperties"},
		"a tag, which has no data":        {"/sensors/1", `null`, `{"tag":"x"}`, "", ""},
		"a sibling":                       {"/sensors", `{"unit":"C"}`, `{"set_type":"sibling"}`, "", "required"},
		"bulk":                            {"/", `[{"path":"/x","data":1},{"path":"/sensors/2","data":{"value":"1"}}]`, `{"bulk":true}`, "/value", "type"},
		"bulk that is fine":               {"/", `[{"path":"/x","data":1},{"path":"/sensors/2","data":{"value":1}}]`, `{"bulk":true}`, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := p.Inbound(set(c.path, c.data, c.options))
			require.NoError(t, r.Err)
			if c.keyword == "" {
				require.Equal(t, abi.VerdictPass, r.Verdict, "%s", r.Message.Error)
				return
			}
			require.Equal(t, abi.VerdictReject, r.Verdict)
			var refusal struct {
				Name, Message string
				Errors        []struct{ At, Keyword string }
			}
			require.NoError(t, json.Unmarshal(r.Message.Error, &refusal))
			require.Equal(t, "ValidationError", refusal.Name)
			require.Equal(t, c.at, refusal.Errors[0].At, refusal.Message)
			require.Equal(t, c.keyword, refusal.Errors[0].Keyword)
		})
	}
	require.Equal(t, abi.VerdictPass, p.Inbound(abi.Record{Action: abi.ActionGet, Path: []byte("/sensors/1")}).Verdict, "only sets are checked")
}

func changes(t *testing.T, start sdktest.Start) {
	const rules = `{"rules":[{"paths":["/a/*"],"schema":{
		"required":["id"],"properties":{"n":{"properties":{"value":{"maximum":2}}}},"dependentRequired":{"from":["to"]}}}]}`
	p := start(rules)
	_, err := p.Client().Set(t.Context(), "/a/1", json.RawMessage(`{"id":1,"to":2,"n":{"value":1}}`), nil)
	require.NoError(t, err)
	for _, c := range []struct {
		data, options string
		want          abi.Verdict
	}{
		{`{"from":1}`, `{"merge":true}`, abi.VerdictPass},
		{`{"from":1}`, `{}`, abi.VerdictReject},
		{`{"from":1}`, `{"merge":false}`, abi.VerdictReject},
		{`"n"`, `{"increment":1}`, abi.VerdictPass},
		{`"n"`, `{"increment":"1.5"}`, abi.VerdictReject},
		{`"id"`, `{"increment":5}`, abi.VerdictPass},
	} {
		r := p.Inbound(set("/a/1", c.data, c.options))
		require.NoError(t, r.Err)
		require.Equal(t, c.want, r.Verdict, "%s %s: %s", c.data, c.options, r.Message.Error)
	}
}

func TestWhatCannotBeReadIsNotLetThrough(t *testing.T) {
	p := sdktest.Native(t, (&checker{}).plugin(), `{"rules":[{"paths":["*"],"schema":{}}]}`)
	require.Error(t, p.Inbound(set("/_SYSTEM/x", `{}`, `{"merge":true}`)).Err, "no permission covers it")
}

func TestRefusalsAreShortWhateverClientsSend(t *testing.T) {
	p := sdktest.Native(t, (&checker{}).plugin(), `{"errors":2,"rules":[{"paths":["*"],"schema":{"additionalProperties":{"type":"null"}}},
		{"paths":["/small"],"schema":{}}],"maxKiB":8}`)
	var members []string
	for i := range 9 {
		members = append(members, fmt.Sprintf(`"%d%s":1`, i, strings.Repeat("é~/", 200)))
	}
	r := p.Inbound(set("/a", "{"+strings.Join(members, ",")+"}", "{}"))
	require.Equal(t, abi.VerdictReject, r.Verdict)
	require.Less(t, len(r.Message.Error), 3000)
	require.True(t, json.Valid(r.Message.Error))
	require.Equal(t, 2, strings.Count(string(r.Message.Error), `"keyword":"type"`))
	r = p.Inbound(set("/a", `"`+strings.Repeat("x", 9000)+`"`, "{}"))
	require.Contains(t, string(r.Message.Error), "want at most 8192")
}

func TestConfigurationErrorsNameTheKey(t *testing.T) {
	for config, says := range map[string]string{
		`{"rules":[{"schema":{}}]}`:                                   "rules[0].paths: name the paths",
		`{"rules":[{"paths":["*"]}]}`:                                 "rules[0].schema: is missing",
		`{"rules":[{"paths":["*"],"schema":{"type":"float"}}]}`:       `rules[0].schema: is no JSON Schema: at "/type"`,
		`{"rules":[{"paths":["*"],"schema":{"$ref":"gone"}}]}`:        `rules[0].schema: `,
		`{"rules":[{"paths":["*"],"schema":{"$ref":"https://x/y"}}]}`: `there is no schema "https://x/y" among schemas`,
		`{"rules":[{"paths":["*"],"schema":{"pattern":"(?=a)"}}]}`:    `rules[0].schema: `,
		`{"schemas":{"a/b":{}}}`:                                      `schemas: the name "a/b"`,
		`{"schemas":{"a":{"minimum":"1"}}}`:                           `schemas.a: is no JSON Schema: at "/minimum"`,
		`{"errors":0}`:                                                "errors: must be from 1",
		`{"maxKiB":0}`:                                                "maxKiB: must be",
		`{"rule":[]}`:                                                 `unknown field "rule"`,
	} {
		require.ErrorContains(t, (&checker{}).configure([]byte(config)), says, config)
	}
}

func BenchmarkNative(b *testing.B) { bench(b, sdktest.Native(b, (&checker{}).plugin(), "")) }

func BenchmarkWasm(b *testing.B) { bench(b, sdktest.Wasm(b, sdktest.Compile(b, "."), "")) }

func bench(b *testing.B, p sdktest.Host) {
	if _, err := p.Client().Set(b.Context(), "/sensors/1", json.RawMessage(`{"value":21.5}`), nil); err != nil {
		b.Fatal(err)
	}
	for name, r := range map[string]abi.Record{
		"another path": set("/x/1", `{"value":21.5}`, `{}`),
		"set":          set("/sensors/1", `{"value":21.5,"unit":"C","at":{"lat":1.5,"lon":2.25}}`, `{}`),
		"merge":        set("/sensors/1", `{"unit":"C","at":{"lat":1.5,"lon":2.25}}`, `{"merge":true}`),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if r := p.Inbound(r); r.Verdict != abi.VerdictPass {
					b.Fatal(r)
				}
			}
		})
	}
}

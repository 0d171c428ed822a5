//go:build !wasip1

package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/plugins/sdk/sdktest"
)

func TestRedact(t *testing.T) {
	sdktest.Both(t, (&redactor{}).plugin(), func(t *testing.T, start sdktest.Start) {
		for name, c := range map[string]struct {
			config, data, want string // want is empty when nothing changes
		}{
			"top":              {`{"fields":["a"]}`, `{"a":1,"b":{"a":2}}`, `{"b":{"a":2}}`},
			"last one":         {`{"fields":["a"]}`, `{ "a" : [1,2] }`, `{}`},
			"nothing to hide":  {`{"fields":["x","y.z"]}`, `{"a": 1, "y": 5}`, ``},
			"no object":        {`{"fields":["x"]}`, `"x"`, ``},
			"null":             {`{"fields":["x"]}`, `null`, ``},
			"nested":           {`{"fields":["u.c.n"]}`, `{"u":{"c":{"n":1,"m":2},"n":3}}`, `{"u":{"c":{"m":2},"n":3}}`},
			"list":             {`{"fields":["p"]}`, `[{"p":1,"q":2},{"q":3}]`, `[{"q":2},{"q":3}]`},
			"list inside":      {`{"fields":["l.p"]}`, `{"l":[{"p":1},{"q":2}]}`, `{"l":[{},{"q":2}]}`},
			"empty list":       {`{"fields":["a","l.x"]}`, `{"a":1,"l":[],"m":{ }}`, `{"l":[],"m":{ }}`},
			"empty on the way": {`{"fields":["a","l.x"]}`, `{"l":{"x":1},"k":[{"l":[]}]}`, `{"l":{},"k":[{"l":[]}]}`},
			"one of two":       {`{"fields":["l.x"]}`, `[{"l":{"x":1}},{"l":{}},{"l":[]},5]`, `[{"l":{}},{"l":{}},{"l":[]},5]`},
			"mask":             {`{"fields":["a.b"],"mask":"***"}`, `{"a":{"b":{"c":1}}}`, `{"a":{"b":"***"}}`},
			"mask with a list": {`{"fields":["a"],"mask":[0]}`, `{"a":1}`, `{"a":[0]}`},
			"any name":         {`{"fields":["u.*.t"]}`, `{"u":{"x":{"t":1},"y":{"t":2,"z":3}}}`, `{"u":{"x":{},"y":{"z":3}}}`},
			"any depth":        {`{"fields":["**.s"]}`, `{"s":1,"a":{"s":2,"b":[{"s":3,"k":4}]}}`, `{"a":{"b":[{"k":4}]}}`},
			"deep, two steps":  {`{"fields":["**.a.s"]}`, `{"a":{"a":{"s":1},"s":2}}`, `{"a":{"a":{}}}`},
			"two fields":       {`{"fields":["a","b"]}`, `{"a":1,"b":2,"c":3}`, `{"c":3}`},
			"three fields":     {`{"fields":["a","b","c"]}`, `{"a":1,"b":2,"c":3}`, `{}`},
			"escaped name":     {`{"fields":["pass"]}`, `{"p\u0061ss":1,"q\"":2}`, `{"q\"":2}`},
			"numbers as text":  {`{"fields":["a"]}`, `{"a":1,"n":12345678901234567890.10}`, `{"n":12345678901234567890.10}`},
		} {
			t.Run(name, func(t *testing.T) {
				p := start(c.config)
				r := p.Outbound(abi.Record{Action: abi.ActionGet, Path: []byte("/x"), Data: []byte(c.data), Meta: []byte(`{}`)})
				require.NoError(t, r.Err)
				if c.want == "" {
					require.Equal(t, abi.VerdictPass, r.Verdict)
					require.Equal(t, c.data, string(r.Message.Data))
					return
				}
				require.Equal(t, abi.VerdictPatch, r.Verdict)
				require.Equal(t, c.want, string(r.Message.Data))
			})
		}
	})
}

func TestPublicationsAreRedactedToo(t *testing.T) {
	sdktest.Both(t, (&redactor{}).plugin(), func(t *testing.T, start sdktest.Start) {
		p := start(`{"fields":["a"]}`)
		r := p.Outbound(abi.Record{Kind: abi.KindPublication, Action: abi.ActionSet, Path: []byte("/x"), Data: []byte(`{"a":1}`), Channel: []byte("/ALL@/x")})
		require.NoError(t, r.Err)
		require.Equal(t, `{}`, string(r.Message.Data))
	})
}

func TestConfigurationErrorsNameTheKey(t *testing.T) {
	for config, says := range map[string]string{
		`{"fields":["a..b"]}`: `fields[0]: "a..b" has an empty part`,
		`{"fields":["a.**"]}`: `fields[0]: "**" cannot come last`,
		`{"field":[]}`:        `unknown field "field"`,
	} {
		require.ErrorContains(t, (&redactor{}).configure([]byte(config)), says)
	}
}

func BenchmarkNative(b *testing.B) {
	bench(b, sdktest.Native(b, (&redactor{}).plugin(), `{"fields":["password"]}`))
}

func BenchmarkWasm(b *testing.B) {
	bench(b, sdktest.Wasm(b, sdktest.Compile(b, "."), `{"fields":["password"]}`))
}

func bench(b *testing.B, p sdktest.Host) {
	rec := abi.Record{Action: abi.ActionGet, Path: []byte("/x"), Data: []byte(`{"value":21.5,"unit":"C","at":{"x":1,"y":2},"tags":["a","b"],"password":"x"}`)}
	b.ReportAllocs()
	for b.Loop() {
		if r := p.Outbound(rec); r.Verdict != abi.VerdictPatch {
			b.Fatal(r)
		}
	}
}

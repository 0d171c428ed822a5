package plugin_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/pipeline"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
)

// searches makes a guest whose search hook gives this verdict and output.
func searches(t testing.TB, manifest string, v abi.Verdict, out []byte) []byte {
	m := &asm.Module{}
	bare(m)
	m.Func(abi.ExportSearch, asm.I32, asm.I64, nil, verdict(v, output, uint32(len(out))))
	m.Data(output, out)
	return withManifest(t, m.Bytes(), manifest)
}

const anySearch = `{"name":"p","hooks":[{"kind":"search","operators":["$near","$in2"],"ranks":["$near"],"queries":["list"]}]}`

// openSearch starts a Manager with the plugin p.
func openSearch(t *testing.T, module []byte, operator string) *folder {
	t.Helper()
	f := open(t, func(o *plugin.Options) { o.Services = newWorld() })
	f.put("p.yaml", []byte(operator))
	f.put("p.wasm", module)
	require.Equal(t, plugin.StateReady, f.only().State, f.only().Reason)
	return f
}

var anybody = &pipeline.Asker{Pattern: []byte("/a/*"), Username: "ada", SessionID: "session-1"}

const pluginFailed = `{"name":"PluginError","message":"plugin p failed"}`

func TestWhatASearchHookAnswersToAQuery(t *testing.T) {
	answer := func(data, options string) []byte {
		rec := abi.Record{Kind: abi.KindSearch, Data: []byte(data)}
		if options != "" {
			rec.Options = []byte(options)
		}
		return record(t, rec)
	}
	one := []pipeline.Hit{{Path: "/a/\"1", Score: 1.5}}
	for name, c := range map[string]struct {
		verdict abi.Verdict
		output  []byte
		hits    []pipeline.Hit
		more    bool
		err     string
	}{
		"hits":              {abi.VerdictReplace, answer(` [{"path":"/a/\"1","score":1.5}]`, ""), one, false, ""},
		"more":              {abi.VerdictReplace, answer(`[{"score":15e-1,"path":"/a/\u00221"}]`, `{"more":true}`), one, true, ""},
		"nothing":           {abi.VerdictReplace, answer(`[]`, `{"more":false}`), nil, false, ""},
		"more than asked":   {abi.VerdictReplace, answer(`[{"path":"a","score":1},{"path":"b","score":1},{"path":"c","score":1}]`, ""), []pipeline.Hit{{Path: "a", Score: 1}, {Path: "b", Score: 1}}, true, ""},
		"refused in words":  {abi.VerdictReject, []byte("no"), nil, false, "no"},
		"refused by object": {abi.VerdictReject, []byte(`{"message":"no"}`), nil, false, `{"message":"no"}`},
		"failed":            {abi.VerdictError, []byte("secret reason"), nil, false, pluginFailed},
		"no path":           {abi.VerdictReplace, answer(`[{"score":1}]`, ""), nil, false, pluginFailed},
		"path is no text":   {abi.VerdictReplace, answer(`[{"path":1,"score":1}]`, ""), nil, false, pluginFailed},
		"no score":          {abi.VerdictReplace, answer(`[{"path":"/a/1"}]`, ""), nil, false, pluginFailed},
		"score is text":     {abi.VerdictReplace, answer(`[{"path":"/a/1","score":"1"}]`, ""), nil, false, pluginFailed},
		"score too large":   {abi.VerdictReplace, answer(`[{"path":"/a/1","score":1e999}]`, ""), nil, false, pluginFailed},
		"hit is no object":  {abi.VerdictReplace, answer(`["/a/1"]`, ""), nil, false, pluginFailed},
		"no list":           {abi.VerdictReplace, answer(`{"path":"/a/1","score":1}`, ""), nil, false, pluginFailed},
		"no JSON":           {abi.VerdictReplace, answer(`[`, ""), nil, false, pluginFailed},
		"no data":           {abi.VerdictReplace, record(t, abi.Record{}), nil, false, pluginFailed},
		"no record":         {abi.VerdictReplace, []byte("nonsense"), nil, false, pluginFailed},
		"another's verdict": {abi.VerdictDrop, nil, nil, false, pluginFailed},
		"pass":              {abi.VerdictPass, nil, nil, false, pluginFailed},
	} {
		t.Run(name, func(t *testing.T) {
			f := openSearch(t, searches(t, anySearch, c.verdict, c.output), "permissions: {/a/1: {actions: [get]}}")
			require.True(t, f.HasQuery("list"))
			hits, more, err := f.Query("list").Part(context.Background(), anybody, []byte(`{}`), 0, 2)
			require.Equal(t, c.hits, hits)
			require.Equal(t, c.more, more)
			if c.err == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, c.err)
			require.ErrorAs(t, err, new(*pipeline.SearchError))
			require.NotContains(t, err.Error(), "secret")
			if c.err == pluginFailed {
				require.Contains(t, f.log.String(), "a plugin failed on a search")
			}
		})
	}
}

func TestWhatASearchHookMakesOfValues(t *testing.T) {
	match := func(v float64) pipeline.Score { return pipeline.Score{Value: v, Matches: true} }
	for data, c := range map[string]struct {
		ranks, filters []pipeline.Score // nil is a failure
	}{
		`[1,null]`:     {[]pipeline.Score{match(1), {}}, []pipeline.Score{match(1), {}}},
		`[true,false]`: {nil, []pipeline.Score{match(0), {}}},
		`[1]`:          {},
		`[1,2,3]`:      {},
		`["1",2]`:      {},
		`[{},2]`:       {},
		`[1e999,2]`:    {},
		`{}`:           {},
	} {
		f := openSearch(t, searches(t, anySearch, abi.VerdictReplace, record(t, abi.Record{Data: []byte(data)})), "{}")
		for name, want := range map[string][]pipeline.Score{"$near": c.ranks, "$in2": c.filters} {
			o := f.Operator(name)
			require.Equal(t, name == "$near", o.Ranks())
			scores := make([]pipeline.Score, 2)
			err := o.Score(context.Background(), anybody, []byte(`[1,2]`), [][]byte{[]byte(`1`), []byte(`"x"`)}, scores)
			if want == nil {
				require.EqualError(t, err, pluginFailed, "%s %s", name, data)
				continue
			}
			require.NoError(t, err)
			require.Equal(t, want, scores, "%s %s", name, data)
		}
	}
}

func TestWhatASearchHookIsShown(t *testing.T) {
	m := &asm.Module{}
	bare(m)
	m.Func(abi.ExportSearch, asm.I32, asm.I64, nil, // refuses with the record for its words
		asm.LocalGet(0), []byte{0xad}, // i64.extend_i32_u
		asm.I64Const(int64(abi.Pack(abi.VerdictReject, buffer, 0))), []byte{0x84}) // i64.or
	f := openSearch(t, withManifest(t, m.Bytes(), anySearch), "{}")
	_, _, err := f.Query("list").Part(context.Background(), anybody, []byte(`{"q":1}`), 5, 64)
	for _, part := range []string{`{"q":1}`, `{"query":"list","skip":5,"limit":64}`, "/a/*", "ada", "session-1"} {
		require.ErrorContains(t, err, part)
	}
	err = f.Operator("$near").Score(context.Background(), anybody, []byte(`[1]`), [][]byte{[]byte(`1`), []byte(`"x"`)}, make([]pipeline.Score, 2))
	for _, part := range []string{`{"argument":[1],"values":[1,"x"]}`, `{"operator":"$near"}`} {
		require.ErrorContains(t, err, part)
	}
}

func TestASearchHookThatNeverReturnsIsEnded(t *testing.T) {
	m := &asm.Module{}
	bare(m)
	m.Func(abi.ExportSearch, asm.I32, asm.I64, nil, []byte{0x03, 0x40}, asm.Br(0), []byte{0x0b}, asm.I64Const(0))
	f := openSearch(t, withManifest(t, m.Bytes(), anySearch), "limits: {timeout: 20ms}")
	before := time.Now()
	_, _, err := f.Query("list").Part(context.Background(), anybody, []byte(`{}`), 0, 2)
	require.EqualError(t, err, pluginFailed)
	require.Less(t, time.Since(before), 10*time.Second)
	require.EqualValues(t, 1, f.only().Traps)
}

func TestAPluginSeesWhatItsPermissionsCover(t *testing.T) {
	f := openSearch(t, searches(t, anySearch, abi.VerdictPass, nil), "permissions: {/a/1: {actions: [get]}}")
	q := f.Query("list")
	require.True(t, q.Reads([]byte("/a/1")))
	require.False(t, q.Reads([]byte("/a/2")))
	f.put("p.yaml", []byte("hooks: [{kind: search, queries: []}]"))
	require.False(t, q.Reads([]byte("/a/1")), "of the version that runs now")
	require.False(t, f.HasQuery("list"))
	require.Nil(t, f.Query("list"))
	require.True(t, f.HasOperator("$near"))
	require.False(t, f.HasOperator("$far"))
	f.remove("p.wasm")
	require.False(t, f.HasOperator("$near"))
	require.False(t, q.Reads([]byte("/a/1")))
	_, _, err := q.Part(context.Background(), anybody, []byte(`{}`), 0, 2)
	require.EqualError(t, err, pluginFailed)
}

func TestOfTwoPluginsWithOneOperatorTheFirstInOrderHasIt(t *testing.T) {
	says := func(name string) []byte {
		return searches(t, strings.Replace(anySearch, `"name":"p"`, `"name":"`+name+`"`, 1), abi.VerdictReject, []byte(name))
	}
	f := open(t, func(o *plugin.Options) { o.Services = newWorld() })
	f.put("first.yaml", []byte("hooks: [{kind: search, order: 1}]"))
	f.put("first.wasm", says("first"))
	f.put("second.wasm", says("second"))
	_, _, err := f.Query("list").Part(context.Background(), anybody, []byte(`{}`), 0, 2)
	require.EqualError(t, err, "second")
}

func TestManifestsOfSearchHooksThatAreRefused(t *testing.T) {
	for hook, says := range map[string]string{
		`{"kind":"search"}`:                                         "a search hook needs operators, queries or both",
		`{"kind":"search","operators":["near"]}`:                    `"near" must be $`,
		`{"kind":"search","operators":["$eq"]}`:                     `"$eq" is an operator of the host`,
		`{"kind":"search","operators":["$search"]}`:                 `"$search" is an operator of the host`,
		`{"kind":"search","operators":["$contains"]}`:               `"$contains" is an operator of the host`,
		`{"kind":"search","queries":["full text"]}`:                 `"full text" must begin with a letter`,
		`{"kind":"search","operators":["$near"],"ranks":["$far"]}`:  "ranks names $far",
		`{"kind":"search","queries":["list"],"operator":["$near"]}`: "unknown key",
		`{"kind":"search","queries":"list"}`:                        "expected a list of strings",
	} {
		f := open(t, nil)
		f.put("p.wasm", searches(t, `{"hooks":[`+hook+`]}`, abi.VerdictPass, nil))
		info := f.only()
		require.Equal(t, plugin.StateRefused, info.State, hook)
		require.Contains(t, info.Reason, says)
		require.Contains(t, info.Reason, "p.wasm")
	}
}

package rawjson_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/internal/rawjson"
)

func TestScannerAgreesWithTheStandardLibrary(t *testing.T) {
	for _, text := range []string{
		`{}`, `[]`, `null`, `true`, `false`, `0`, `-0`, `1.5e+10`, `-12.25E-3`, ` {"a" : [1 , 2] } `,
		`{"a":{"b":[{},[],""]}}`, `"\u00e9\n\/"`, `"` + strings.Repeat("long text ", 20) + `"`, `"é😀"`,
		``, `{`, `[`, `"`, `"\x"`, `"\u12"`, `01`, `1.`, `.5`, `1e`, `-`, `+1`, `tru`, `nul`, `{"a"}`, `{"a":}`,
		`{"a":1,}`, `[1,]`, `[1 2]`, `{'a':1}`, `{a:1}`, "\"a\nb\"", `{} {}`, `"a" x`, `[1,2`, `{"a":1`,
	} {
		t.Run(text, func(t *testing.T) {
			var s rawjson.Scanner
			assert.Equal(t, json.Valid([]byte(text)), s.Valid([]byte(text)) == nil, "%v", s.Valid([]byte(text)))
		})
	}
}

func TestScannerBoundsDepthAndChecksUTF8(t *testing.T) {
	s := rawjson.Scanner{MaxDepth: 3}
	assert.NoError(t, s.Valid([]byte(`[[[1]]]`)))
	assert.ErrorContains(t, s.Valid([]byte(`[[[[1]]]]`)), "nested too deep")
	assert.ErrorContains(t, s.Valid([]byte("\"a\xff\"")), "UTF-8")
	assert.ErrorContains(t, s.Valid([]byte("\"\xed\xa0\x80\"")), "UTF-8")
	assert.ErrorContains(t, s.Valid([]byte(strings.Repeat("[", 1<<20))), "nested too deep")
}

func TestScannerNoticesLineSeparators(t *testing.T) {
	var s rawjson.Scanner
	require.NoError(t, s.Valid([]byte(`"plain"`)))
	assert.False(t, s.LineSeparators)
	text := []byte("{\"a\":\"x\u2028y\u2029\"}")
	require.NoError(t, s.Valid(text))
	assert.True(t, s.LineSeparators)
	assert.Equal(t, `{"a":"x\u2028y\u2029"}`, string(rawjson.EscapeLineSeparators(text)))
}

func TestMembersElementsLookup(t *testing.T) {
	obj := []byte(` { "a" : 1 , "b\u0041" : [ {"x":"}"} , "]," , 3 ] ,"a":"last" } `)
	var names, values []string
	for k, v := range rawjson.Members(obj) {
		names, values = append(names, string(k)), append(values, string(v))
	}
	assert.Equal(t, []string{"a", "bA", "a"}, names)
	assert.Equal(t, []string{"1", `[ {"x":"}"} , "]," , 3 ]`, `"last"`}, values)
	var elements []string
	for v := range rawjson.Elements([]byte(values[1])) {
		elements = append(elements, string(v))
	}
	assert.Equal(t, []string{`{"x":"}"}`, `"],"`, "3"}, elements)
	v, ok := rawjson.Lookup(obj, "a")
	assert.True(t, ok)
	assert.Equal(t, `"last"`, string(v))
	_, ok = rawjson.Lookup(obj, "none")
	assert.False(t, ok)
}

func TestStringsRoundTrip(t *testing.T) {
	for _, text := range []string{"", "plain", "quote\" back\\slash", "tab\tline\nbell\a", "é😀", "a\u2028b"} {
		raw := rawjson.AppendString(nil, text)
		assert.Equal(t, text, string(rawjson.Unquote(raw)))
		var std string
		require.NoError(t, json.Unmarshal(raw, &std))
		assert.Equal(t, text, std)
	}
	assert.Equal(t, "😀", string(rawjson.Unquote([]byte(`"\ud83d\ude00"`))))
	assert.Equal(t, "\uFFFDx", string(rawjson.Unquote([]byte(`"\ud83dx"`))))
	assert.Equal(t, "\"\uFFFD\"", string(rawjson.AppendString(nil, "\xff")))
}

func FuzzStrings(f *testing.F) {
	f.Add("a\xff\u2028\"\\\n long enough to look at eight bytes together")
	f.Fuzz(func(t *testing.T, text string) {
		var got, want string
		if err := json.Unmarshal(rawjson.AppendString(nil, text), &got); err != nil {
			t.Fatal(err)
		}
		std, _ := json.Marshal(text)
		_ = json.Unmarshal(std, &want)
		if got != want || string(rawjson.AppendString(nil, []byte(text))) != string(rawjson.AppendString(nil, text)) {
			t.Fatalf("%q became %q", text, got)
		}
	})
}

func FuzzScanner(f *testing.F) {
	f.Add([]byte(`{"a":[1,"x\u00e9",null]}`))
	f.Add([]byte("\"\u2028\xff\""))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s rawjson.Scanner
		err := s.Valid(b)
		for k, v := range rawjson.Members(b) {
			_, _ = k, v
		}
		for v := range rawjson.Elements(b) {
			_ = v
		}
		rawjson.Unquote(b)
		if err != nil {
			return
		}
		if !json.Valid(b) {
			t.Fatalf("accepted what encoding/json refuses: %q", b)
		}
		trimmed := bytes.Trim(b, " \t\r\n")
		if end := rawjson.End(trimmed, 0); end != len(trimmed) {
			t.Fatalf("End = %d of %d in %q", end, len(trimmed), trimmed)
		}
	})
}

func BenchmarkScanner(b *testing.B) {
	doc := []byte(`{"region":"North","value":1234.5,"tags":["a","b"],"note":"` + strings.Repeat("lorem ipsum ", 18) + `"}`)
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	var s rawjson.Scanner
	for b.Loop() {
		if err := s.Valid(doc); err != nil {
			b.Fatal(err)
		}
	}
}

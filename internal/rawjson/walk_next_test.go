package rawjson_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/internal/rawjson"
)

func TestNextMemberAndElementSeeWhatTheIteratorsSee(t *testing.T) {
	for _, raw := range []string{
		`{}`, ` { } `, `[]`, `{"a":1}`, `{ "a" : 1 , "b\"\\" : "x\"}y" , "c":[1,{"d":"]"}],"":null}`,
		`[1,"two, ]",[3,[4]],{"a":{"b":[]}},true ,null]`, `{"long text before":"0123456789\\","then":"\\\"","é":-1.5e3}`, `7`, `"x"`,
	} {
		var names, values, elements []string
		for k, v := range rawjson.Members([]byte(raw)) {
			names, values = append(names, string(k)), append(values, string(v))
		}
		for v := range rawjson.Elements([]byte(raw)) {
			elements = append(elements, string(v))
		}
		trimmed := []byte(raw)[rawjson.Space([]byte(raw), 0):]
		var gotNames, gotValues, gotElements []string
		for i := 1; rawjson.IsObject(trimmed); {
			var name, val []byte
			if name, val, i = rawjson.NextMember(trimmed, i); i < 0 {
				break
			}
			gotNames = append(gotNames, string(rawjson.Unquote([]byte(`"`+string(name)+`"`))))
			gotValues = append(gotValues, string(val))
		}
		for i := 1; rawjson.IsArray(trimmed); {
			var val []byte
			if val, i = rawjson.NextElement(trimmed, i); i < 0 {
				break
			}
			gotElements = append(gotElements, string(val))
		}
		require.Equal(t, names, gotNames, raw)
		require.Equal(t, values, gotValues, raw)
		require.Equal(t, elements, gotElements, raw)
	}
}

func FuzzNextStaysWithinTheText(f *testing.F) {
	for _, s := range []string{`{"a":"b\`, `{"a`, `[1,"`, `{"a":[{`, `[]]`, `{"a":}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for i := 1; ; {
			before := i
			if _, _, i = rawjson.NextMember(raw, i); i < 0 {
				break
			}
			require.True(t, i > before && i <= len(raw))
		}
		for i := 1; ; {
			before := i
			if _, i = rawjson.NextElement(raw, i); i < 0 {
				break
			}
			require.True(t, i > before && i <= len(raw))
		}
	})
}

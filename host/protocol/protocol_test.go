package protocol_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/protocol"
	"github.com/happn-host/happn-host/internal/rawjson"
)

func decode(t *testing.T, text string) (protocol.Request, error) {
	t.Helper()
	var d protocol.Decoder
	var r protocol.Request
	err := d.Decode([]byte(text), &r)
	return r, err
}

func TestDecodeKeepsPayloadsAsTheyAre(t *testing.T) {
	r, err := decode(t, ` {"action" : "set", "eventId":5,"path":"/a\/b\u0041","data": {"n":1e400, "x":[ 1 ] } ,"sessionId":"s","options":{"merge":true},"more":1} `)
	require.NoError(t, err)
	assert.Equal(t, abi.ActionSet, r.Action)
	assert.Equal(t, `{"n":1e400, "x":[ 1 ] }`, string(r.Data))
	assert.Equal(t, "/a/bA", string(r.Path))
	assert.Equal(t, "5", string(r.EventText()))
	assert.Equal(t, `"s"`, string(r.Session))
	assert.Equal(t, `{"merge":true}`, string(r.Options))
}

func TestTheLastOfRepeatedMembersCounts(t *testing.T) {
	r, err := decode(t, `{"action":"get","action":"set","path":"/a","path":"/b","data":{"_meta":1},"data":{"a":1},"options":{},"options":null}`)
	require.NoError(t, err)
	assert.Equal(t, abi.ActionSet, r.Action)
	assert.Equal(t, "/b", string(r.Path))
	assert.False(t, r.DataHasMeta)
	assert.Nil(t, r.Options)
}

func TestDecodeNoticesMembersOfData(t *testing.T) {
	for text, want := range map[string][2]bool{
		`{"action":"set","data":{"_meta":1}}`:                        {true, false},
		`{"action":"set","data":{"\u005fmeta":1}}`:                   {true, false},
		`{"action":"set","data":{"a":{"_meta":1,"encrypted":1}}}`:    {false, false},
		`{"action":"set","data":{"encrypted":"x"}}`:                  {false, true},
		`{"action":"set","data":{"encrypted":false}}`:                {false, false},
		`{"action":"set","encrypted":true,"data":null}`:              {false, true},
		`{"action":"set","encrypted":0,"data":[{"encrypted":true}]}`: {false, false},
	} {
		r, err := decode(t, text)
		require.NoError(t, err)
		assert.Equal(t, want, [2]bool{r.DataHasMeta, r.Encrypted}, text)
	}
}

func TestFramesThatAreNoRequests(t *testing.T) {
	for _, text := range []string{`null`, `5`, `"x"`, `[]`, `[{"action":"get"}]`} {
		_, err := decode(t, text)
		assert.ErrorIs(t, err, protocol.ErrNotAnObject, text)
	}
	for _, text := range []string{`{}`, `{"eventId":1}`, `{"action":5}`, `{"action":null}`} {
		_, err := decode(t, text)
		assert.ErrorIs(t, err, protocol.ErrNoAction, text)
	}
	for _, text := range []string{``, `{`, `{"action"}`, `{"action":"get"} x`, `{"action":"get",}`, `{"data":{"a":1,}}`, `{"data":{"a"}}`, `{"data":{`} {
		_, err := decode(t, text)
		var syntax *rawjson.SyntaxError
		assert.ErrorAs(t, err, &syntax, text)
	}
}

func TestDepthIsBounded(t *testing.T) {
	d := protocol.Decoder{MaxDepth: 4}
	var r protocol.Request
	nested := func(n int) []byte {
		return []byte(`{"action":"set","data":` + strings.Repeat(`{"a":`, n) + `1` + strings.Repeat(`}`, n) + `}`)
	}
	assert.NoError(t, d.Decode(nested(3), &r))
	assert.ErrorContains(t, d.Decode(nested(5), &r), "nested too deep")
}

func TestLineSeparatorsAreEscaped(t *testing.T) {
	r, err := decode(t, "{\"action\":\"set\",\"path\":\"/a\",\"data\":{\"a\":\"x\u2028y\"}}")
	require.NoError(t, err)
	assert.Equal(t, `{"a":"x\u2028y"}`, string(r.Data))
}

func TestVersionsByName(t *testing.T) {
	for name, want := range map[string]protocol.Version{
		"happn": protocol.Unset, "happn_1": protocol.V1, "happn_4": protocol.V4, "happn_9": protocol.V1, "1.1.0": protocol.V1,
	} {
		v, ok := protocol.ParseVersion(name)
		assert.True(t, ok, name)
		assert.Equal(t, want, v, name)
	}
	_, ok := protocol.ParseVersion("foo_9")
	assert.False(t, ok)
}

func TestPaths(t *testing.T) {
	for _, c := range []struct {
		action abi.Action
		path   string
		want   string
	}{
		{abi.ActionSet, `"/a/b{}+=&:%@._-() \t\u00a0"`, ""},
		{abi.ActionSet, `"/a#b"`, "can only contain"},
		{abi.ActionSet, `"/é"`, "can only contain"},
		{abi.ActionSet, `""`, "can only contain"},
		{abi.ActionSet, `"/a/*"`, "cannot contain the * wildcard"},
		{abi.ActionRemove, `"/a/*"`, ""},
		{abi.ActionGet, `"/a#é"`, ""},
		{abi.ActionGet, `5`, "Bad path [5], must be a string"},
		{abi.ActionGet, `{"a":1}`, "Bad path [[object Object]], must be a string"},
		{abi.ActionSet, `"/` + strings.Repeat("a", 100) + `"`, "at most 50"},
	} {
		r := protocol.Request{Action: c.action, RawPath: []byte(c.path)}
		if c.path[0] == '"' {
			r.Path, r.HasPath = rawjson.Unquote(r.RawPath), true
		}
		err := protocol.CheckPath(&r, 50)
		if c.want == "" {
			assert.Nil(t, err, c.path)
			continue
		}
		require.NotNil(t, err, c.path)
		assert.Contains(t, err.Message, c.want)
	}
	err := protocol.CheckPath(&protocol.Request{Action: abi.ActionOn}, 0)
	require.NotNil(t, err)
	assert.Equal(t, "Bad path [undefined], must be a string", err.Message)
}

func TestWrapping(t *testing.T) {
	for in, want := range map[string]string{
		`"x"`: `{"value":"x"}`, `[1]`: `{"value":[1]}`, `null`: `{"value":null}`, `{"a":1}`: `{"a":1}`, ``: `{}`,
	} {
		raw := []byte(in)
		if in == "" {
			raw = nil
		}
		assert.Equal(t, want, string(protocol.Wrap(raw, false)))
	}
	assert.Equal(t, `{"b":2,"c":{"_meta":3}}`, string(protocol.Wrap([]byte(`{ "_meta" : {"x":1}, "b":2, "c":{"_meta":3}, "_meta":0 }`), true)))
	assert.Equal(t, `{}`, string(protocol.Wrap([]byte(`{"_meta":1}`), true)))
}

func TestItemsCarryTheirMeta(t *testing.T) {
	assert.JSONEq(t, `{"_meta":{"p":1}}`, string(protocol.AppendItem(nil, []byte(`{ }`), []byte(`"p":1`))))
	assert.JSONEq(t, `{"a":1,"_meta":{"p":1}}`, string(protocol.AppendItem(nil, []byte(`{"a":1 }`), []byte(`"p":1`))))
}

func TestEchoOfTheSessionDependsOnTheProtocol(t *testing.T) {
	r, err := decode(t, `{"action":"login","eventId":3,"sessionId":"old"}`)
	require.NoError(t, err)
	for v := protocol.Unset; v <= protocol.V4; v++ {
		text := string(protocol.AppendReply(nil, v, &r, &protocol.Reply{}))
		assert.Equal(t, v == protocol.V4, strings.Contains(text, `"sessionId":"old"`), v)
		assert.Contains(t, text, `"protocol":"`+v.String()+`"`)
	}
}

func TestErrorsOnTheWire(t *testing.T) {
	r, err := decode(t, `{"action":"get","eventId":"five"}`)
	require.NoError(t, err)
	text := protocol.AppendReply(nil, protocol.V4, &r, &protocol.Reply{Error: protocol.SystemError(`it "broke"`)})
	assert.JSONEq(t, `{"data":null,"_meta":{"type":"response","status":"error","published":false,"eventId":"five","action":"get",
		"error":{"name":"SystemError","message":"it \"broke\"","code":500,"severity":0,"reason":"DataService"}},"protocol":"happn_4"}`, string(text))
}

func TestOptionsOfTheWrongTypeCountAsNotGiven(t *testing.T) {
	var o protocol.Options
	protocol.ParseOptions([]byte(`{"meta":null,"consistency":null,"targetClients":"x","depth":"3","noStore":0,"merge":"yes","increment":null,"referenceId":0}`), &o)
	assert.Equal(t, protocol.Options{Consistency: protocol.Transactional, Depth: 3, Merge: true}, o)
	protocol.ParseOptions([]byte(`{"targetClients":[],"consistency":"3","depth":1.5,"upsertType":3}`), &o)
	assert.Equal(t, protocol.Options{Consistency: 3, HasTargets: true, UpsertType: 3}, o)
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"action":"set","eventId":5,"path":"/a\/b","data":{"_meta":1,"n":[1,{"a":null}]},"options":{"meta":{}}}`))
	f.Add([]byte("{\"action\":\"x\",\"data\":\"\u2028\"}"))
	f.Fuzz(func(t *testing.T, frame []byte) {
		var d protocol.Decoder
		var r protocol.Request
		err := d.Decode(frame, &r)
		var syntax *rawjson.SyntaxError
		if errors.As(err, &syntax) {
			return
		}
		if !json.Valid(frame) {
			t.Fatalf("%q passed as JSON", frame)
		}
		if err != nil {
			return
		}
		var o protocol.Options
		protocol.ParseOptions(r.Options, &o)
		protocol.CheckPath(&r, 100)
		for _, reply := range []protocol.Reply{{Data: protocol.Wrap(r.Data, r.DataHasMeta)}, {Error: protocol.NewError(string(r.Path))}} {
			if text := protocol.AppendReply(nil, protocol.V4, &r, &reply); !json.Valid(text) {
				t.Fatalf("%q was answered with %q", frame, text)
			}
		}
	})
}

func TestTimesThatNobodyKnowsAreLeftOut(t *testing.T) {
	for want, times := range map[string][2]int64{
		`"path":"/a","created":1,"modified":2`: {1, 2},
		`"path":"/a","modified":2`:             {0, 2},
		`"path":"/a"`:                          {0, 0},
	} {
		assert.Equal(t, want, string(protocol.AppendDocumentMeta(nil, "/a", times[0], times[1])))
	}
}

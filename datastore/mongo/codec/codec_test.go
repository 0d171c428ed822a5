package codec_test

import (
	"bytes"
	"encoding/json"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/mongo/codec"
)

// throughBSON writes data and reads it back.
func throughBSON(t testing.TB, data string) string {
	t.Helper()
	raw, err := codec.Encode(&datastore.Document{Path: "/p", Data: []byte(data)})
	require.NoError(t, err, data)
	require.NoError(t, bson.Raw(raw).Validate(), data)
	doc, err := codec.Decode(raw)
	require.NoError(t, err, data)
	return string(doc.Data)
}

func TestJSONComesBackAsJSONStringifyWritesIt(t *testing.T) {
	for data, want := range map[string]string{
		`{}`:                                   `{}`,
		`{ "b" : [1, 2 ,[3,[]]], "a":{} }`:     `{"b":[1,2,[3,[]]],"a":{}}`,
		`{"a":null,"t":true,"f":false}`:        `{"a":null,"t":true,"f":false}`,
		`{"a":1,"b":2,"a":3}`:                  `{"a":3,"b":2}`,
		`{"s":"\u00e9\u0000\n\"\ud83d\ude00"}`: `{"s":"é\u0000\n\"😀"}`,
		`{"":1,"a.b":2,"$set":3,"%":4,"％":5,"\u0000":6,"a$":7}`: `{"":1,"a.b":2,"$set":3,"%":4,"％":5,"\u0000":6,"a$":7}`,
		`{"％number":"12"}`:                      `{"％number":"12"}`,
		`{"_id":1,"path":"x"}`:                  `{"_id":1,"path":"x"}`,
		`{"n":[0,-0,1.0,1e3,-1.50,2147483648]}`: `{"n":[0,0,1,1000,-1.5,2147483648]}`,
		`{"n":[9007199254740993,9223372036854775807,-9223372036854775808]}`:          `{"n":[9007199254740993,9223372036854775807,-9223372036854775808]}`,
		`{"n":[12345678901234567890,1e21,1e-7,1.7976931348623157e308,5e-324]}`:       `{"n":[12345678901234567890,1e+21,1e-7,1.7976931348623157e+308,5e-324]}`,
		`{"n":[0.1000000000000000000001,1e400,123456789012345678901234567890.1234]}`: `{"n":[0.1000000000000000000001,1e400,123456789012345678901234567890.1234]}`,
		`{"n":[1e7000,1234567890123456789012345678901234567890]}`:                    `{"n":[1e7000,1234567890123456789012345678901234567890]}`,
	} {
		assert.Equal(t, want, throughBSON(t, data), data)
	}
}

func TestNumbersHaveTheSmallestTypeThatHoldsThem(t *testing.T) {
	for number, want := range map[string]bson.Type{
		"0": bson.TypeInt32, "-1": bson.TypeInt32, "1e2": bson.TypeInt32, "2147483647": bson.TypeInt32, "5.0": bson.TypeInt32,
		"2147483648": bson.TypeInt64, "9007199254740992": bson.TypeInt64, "9007199254740993": bson.TypeInt64,
		"0.5": bson.TypeDouble, "1e21": bson.TypeDouble, "1e300": bson.TypeDouble,
		"100000000000000000000": bson.TypeDouble, "12345678901234567890": bson.TypeDecimal128, "1e400": bson.TypeDecimal128,
		"0.12345678901234567890": bson.TypeDecimal128, "1e9999": bson.TypeEmbeddedDocument,
	} {
		got, _, err := codec.AppendValue(nil, []byte(number))
		require.NoError(t, err)
		assert.Equal(t, want.String(), bson.Type(got).String(), number)
	}
}

func TestADocumentHasTheLayoutOfHappn(t *testing.T) {
	doc := &datastore.Document{Path: "/a", Data: []byte(`{"x":1}`), Created: 1, Modified: 1700000000000, ModifiedBy: "bob", Tag: "t"}
	raw, err := codec.Encode(doc)
	require.NoError(t, err)
	var got bson.D
	require.NoError(t, bson.Unmarshal(raw, &got))
	require.Equal(t, bson.D{{Key: "path", Value: "/a"}, {Key: "data", Value: bson.D{{Key: "x", Value: int32(1)}}},
		{Key: "created", Value: int64(1)}, {Key: "modified", Value: int64(1700000000000)},
		{Key: "modifiedBy", Value: "bob"}, {Key: "_tag", Value: "t"}}, got)
	back, err := codec.Decode(raw)
	require.NoError(t, err)
	require.Equal(t, doc, back)
}

func TestWhatOthersWroteIsReadAsJSONStringifyWritesIt(t *testing.T) {
	id, err := bson.ObjectIDFromHex("0123456789abcdef01234567")
	require.NoError(t, err)
	for _, c := range []struct {
		value any
		want  string
	}{
		{time.UnixMilli(1700000000123), `"2023-11-14T22:13:20.123Z"`},
		{time.UnixMilli(-62198755200000), `"-000001-01-01T00:00:00.000Z"`},
		{bson.DateTime(math.MaxInt64), `null`},
		{id, `"0123456789abcdef01234567"`},
		{bson.Binary{Data: []byte("hi")}, `"aGk="`},
		{math.NaN(), `null`}, {math.Inf(1), `null`}, {bson.Undefined{}, `null`}, {bson.MinKey{}, `null`},
		{bson.Regex{Pattern: "^a", Options: "i"}, `"/^a/i"`},
		{bson.Symbol("s"), `"s"`}, {bson.Timestamp{T: 1, I: 2}, `4294967298`},
		{1.5, `1.5`}, {float64(3), `3`},
	} {
		raw, err := bson.Marshal(bson.D{{Key: "path", Value: "/x"}, {Key: "data", Value: bson.D{{Key: "v", Value: c.value}}},
			{Key: "created", Value: 1.7e12}, {Key: "modified", Value: time.UnixMilli(5)}})
		require.NoError(t, err)
		doc, err := codec.Decode(raw)
		require.NoError(t, err)
		assert.Equal(t, `{"v":`+c.want+`}`, string(doc.Data))
		assert.EqualValues(t, 1_700_000_000_000, doc.Created)
		assert.EqualValues(t, 5, doc.Modified)
	}
}

func TestDataThatIsNoObjectIsWrapped(t *testing.T) {
	for _, c := range []struct {
		data any
		want string
	}{{bson.A{1, 2}, `{"value":[1,2]}`}, {"x", `{"value":"x"}`}, {nil, `{}`}} {
		raw, err := bson.Marshal(bson.D{{Key: "data", Value: c.data}})
		require.NoError(t, err)
		doc, err := codec.Decode(raw)
		require.NoError(t, err)
		require.Equal(t, c.want, string(doc.Data))
	}
}

func TestWhatNoServerTakesIsRefusedWithAReason(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 150) + "1" + strings.Repeat("}", 150)
	for want, data := range map[string]string{
		"levels deep": deep,
		"split it":    `{"a":"` + strings.Repeat("x", 16<<20) + `"}`,
	} {
		_, err := codec.Encode(&datastore.Document{Data: []byte(data)})
		require.ErrorIs(t, err, codec.ErrNotStorable)
		require.ErrorContains(t, err, want)
	}
}

// same compares JSON by value, numbers to their last digit.
func same(t testing.TB, want, got string) {
	t.Helper()
	read := func(text string) any {
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		var v any
		require.NoError(t, d.Decode(&v), text)
		return exact(v)
	}
	require.Equal(t, read(want), read(got), "%s became %s", want, got)
}

func exact(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, one := range v {
			v[name] = exact(one)
		}
	case []any:
		for i, one := range v {
			v[i] = exact(one)
		}
	case json.Number:
		return canonical(v.String())
	}
	return v
}

// canonical is one text for all the ways to write a number.
func canonical(number string) string {
	number, negative := strings.CutPrefix(strings.ToLower(number), "-")
	mantissa, power, _ := strings.Cut(number, "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	exponent := new(big.Int)
	if power != "" {
		exponent.SetString(strings.TrimPrefix(power, "+"), 10)
	}
	digits := strings.TrimLeft(whole+fraction, "0")
	short := strings.TrimRight(digits, "0")
	if short == "" {
		return "0"
	}
	exponent.Add(exponent, big.NewInt(int64(len(digits)-len(short)-len(fraction))))
	if negative {
		short = "-" + short
	}
	return short + "e" + exponent.String()
}

func FuzzRoundTrip(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,{"b.c":null}],"$x":"y"}`, `{"":{"％number":"1"}}`, `{"n":-0.0,"m":1e999999999999}`, `{"n":123456789012345678901234567890e-5}`,
		`{"a":"\u0000","\u0000":1}`, `{"z":0e0000000,"y":100e00998,"x":-0.00120e+1}`, `{"a":1,"a":{"b":2}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data string) {
		if !strings.HasPrefix(data, "{") || !utf8.ValidString(data) || !json.Valid([]byte(data)) {
			return
		}
		raw, err := codec.Object([]byte(data))
		if err != nil {
			require.ErrorIs(t, err, codec.ErrNotStorable)
			return
		}
		got, err := codec.AppendJSON(nil, byte(bson.TypeEmbeddedDocument), raw)
		require.NoError(t, err)
		same(t, data, string(got))
		again, err := codec.Object(got)
		require.NoError(t, err)
		require.Equal(t, raw, again, "reading and writing changes what is stored")
	})
}

// everyType is a document with a value of every BSON type in its data.
func everyType(t testing.TB) []byte {
	raw, err := bson.Marshal(bson.D{{Key: codec.Data, Value: bson.D{
		{Key: "code", Value: bson.CodeWithScope{Code: "f()", Scope: bson.D{{Key: "x", Value: 1}}}},
		{Key: "script", Value: bson.JavaScript("g()")}, {Key: "symbol", Value: bson.Symbol("s")},
		{Key: "pattern", Value: bson.Regex{Pattern: "^a", Options: "i"}}, {Key: "bytes", Value: []byte{1, 2, 3}},
		{Key: "id", Value: bson.ObjectID{1}}, {Key: "at", Value: bson.DateTime(1)}, {Key: "stamp", Value: bson.Timestamp{T: 1, I: 2}},
		{Key: "int", Value: int32(1)}, {Key: "long", Value: int64(1) << 40}, {Key: "double", Value: 1.5}, {Key: "is", Value: true},
		{Key: "decimal", Value: bson.NewDecimal128(0x3040000000000000, 15)}, {Key: "none", Value: nil}, {Key: "undefined", Value: bson.Undefined{}},
		{Key: "least", Value: bson.MinKey{}}, {Key: "most", Value: bson.MaxKey{}}, {Key: "list", Value: bson.A{"x", bson.D{}}},
	}}})
	require.NoError(t, err)
	return raw
}

// Every byte of a document of every type is changed in turn: whatever a length
// says of what follows, the answer is a document or an error.
func TestADocumentOfLyingLengthsIsAnErrorNotACrash(t *testing.T) {
	raw := everyType(t)
	doc, err := codec.Decode(raw)
	require.NoError(t, err)
	require.JSONEq(t, `{"code":"f()","script":"g()","symbol":"s","pattern":"/^a/i","bytes":"AQID","id":"010000000000000000000000",
		"at":"1970-01-01T00:00:00.001Z","stamp":4294967298,"int":1,"long":1099511627776,"double":1.5,"is":true,"decimal":15,
		"none":null,"undefined":null,"least":null,"most":null,"list":["x",{}]}`, string(doc.Data))
	refused := 0
	for at := range raw {
		for _, b := range []byte{0, 1, 3, 4, 127, 255} {
			changed := bytes.Clone(raw)
			changed[at] = b
			doc, err := codec.Decode(changed)
			if err != nil {
				refused++
				continue
			}
			require.True(t, json.Valid(doc.Data), "%q", doc.Data)
		}
	}
	require.Greater(t, refused, 100)
}

func FuzzDecode(f *testing.F) {
	raw, err := codec.Encode(&datastore.Document{Path: "/p", Data: []byte(`{"a":[1,"x",{"b":1.5}]}`)})
	require.NoError(f, err)
	f.Add(raw)
	f.Add(everyType(f))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if doc, err := codec.Decode(raw); err == nil {
			require.True(t, json.Valid(doc.Data), "%q", doc.Data)
		}
	})
}

func FuzzNames(f *testing.F) {
	for _, seed := range []string{"", "a.b", "$a", "％a%2Eb", "％％", "%FF"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		name = strings.ToValidUTF8(name, "?")
		stored := codec.EscapeName(name)
		require.True(t, stored == name || !codec.Plain(name))
		require.NotContains(t, stored, ".")
		require.NotContains(t, stored, "\x00")
		require.Equal(t, name, codec.UnescapeName(stored))
	})
}

func BenchmarkEncode(b *testing.B) {
	doc := &datastore.Document{Path: "/devices/1", Data: []byte(`{"id":17,"name":"sensor","values":[1,2.5,3],"on":true,"at":{"x":1,"y":2}}`)}
	b.ReportAllocs()
	for b.Loop() {
		_, _ = codec.Encode(doc)
	}
}

func BenchmarkDecode(b *testing.B) {
	raw, err := codec.Encode(&datastore.Document{Path: "/devices/1", Data: []byte(`{"id":17,"name":"sensor","values":[1,2.5,3],"on":true,"at":{"x":1,"y":2}}`)})
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = codec.Decode(raw)
	}
}

package match_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/match"
)

func document(data string) *datastore.Document {
	return &datastore.Document{Path: "/s/n", Data: []byte(data), Created: 1000, Modified: 2000, ModifiedBy: "joe"}
}

// matchCase says which of some documents a criterion selects.
type matchCase struct {
	criteria string
	matches  []string
	misses   []string
}

func check(t *testing.T, cases []matchCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.criteria, func(t *testing.T) {
			f, err := match.CompileFilter([]byte(c.criteria))
			require.NoError(t, err)
			for _, data := range c.matches {
				require.True(t, f.Match(document(data)), "should match %s", data)
			}
			for _, data := range c.misses {
				require.False(t, f.Match(document(data)), "should not match %s", data)
			}
		})
	}
}

type docs = []string

func TestEquality(t *testing.T) {
	check(t, []matchCase{
		{`{}`, docs{`{}`, `{"a":1}`}, nil},
		{`{"a":1}`, docs{`{"a":1}`, `{"a":1.0}`, `{"a":10e-1}`, `{"a":[3,1]}`, `{"b":2,"a":1}`}, docs{`{}`, `{"a":"1"}`, `{"a":true}`, `{"a":[[1]]}`, `{"b":1}`}},
		{`{"a":{"$eq":"x"}}`, docs{`{"a":"x"}`, `{"a":"\u0078"}`, `{"a":["y","x"]}`, `{"\u0061":"x"}`}, docs{`{"a":"xx"}`, `{"a":"X"}`, `{"a":{"x":1}}`}},
		{`{"a":"say \"hi\"\n"}`, docs{`{"a":"say \"hi\"\n"}`, `{"a":"say \u0022hi\u0022\u000a"}`}, docs{`{"a":"say hi"}`}},
		{`{"a":"\ud83d\ude00"}`, docs{`{"a":"😀"}`, `{"a":"\ud83d\ude00"}`}, docs{`{"a":"😁"}`}},
		{`{"a":null}`, docs{`{"a":null}`, `{}`, `{"a":[1,null]}`}, docs{`{"a":0}`, `{"a":""}`, `{"a":[]}`, `{"a":{}}`}},
		{`{"a":true}`, docs{`{"a":true}`}, docs{`{"a":false}`, `{"a":1}`}},
		{`{"a":[1,2]}`, docs{`{"a":[1,2]}`, `{"a":[[1,2],3]}`, `{"a":[ 1 , 2 ]}`}, docs{`{"a":[2,1]}`, `{"a":[1,2,3]}`, `{"a":[1]}`, `{"a":1}`}},
		{`{"a":[]}`, docs{`{"a":[]}`, `{"a":[[]]}`}, docs{`{"a":[1]}`, `{}`}},
		{`{"o":{"k":1,"l":2}}`, docs{`{"o":{"k":1,"l":2}}`, `{"o":[{"k":1.0, "l":2}]}`}, docs{`{"o":{"l":2,"k":1}}`, `{"o":{"k":1}}`, `{"o":{"k":1,"l":2,"m":3}}`}},
		{`{"o":{}}`, docs{`{"o":{}}`}, docs{`{"o":{"k":1}}`, `{}`}},
		{`{"a":{"$ne":1}}`, docs{`{}`, `{"a":2}`, `{"a":[2]}`, `{"a":null}`}, docs{`{"a":1}`, `{"a":[2,1]}`}},
		{`{"a":{"$ne":null}}`, docs{`{"a":0}`, `{"a":[]}`}, docs{`{}`, `{"a":null}`, `{"a":[null]}`}},
		{`{"a":1,"b":2}`, docs{`{"a":1,"b":2}`}, docs{`{"a":1}`, `{"b":2}`, `{}`}},
		{`{"a":2}`, docs{`{"a":1,"a":2}`}, docs{`{"a":2,"a":1}`}},
		{`{"o.a":2}`, docs{`{"o":{"a":1,"\u0061":2}}`}, docs{`{"o":{"a":2,"a":1}}`}},
	})
}

func TestNumbersAreComparedExactly(t *testing.T) {
	check(t, []matchCase{
		{`{"a":9007199254740993}`, docs{`{"a":9007199254740993}`, `{"a":9007199254740993.0}`, `{"a":9.007199254740993e15}`}, docs{`{"a":9007199254740992}`, `{"a":9007199254740994}`}},
		{`{"a":{"$gt":0.1}}`, docs{`{"a":0.10000000000000000001}`, `{"a":1e-1000000000000,"a":1}`}, docs{`{"a":0.1}`, `{"a":1e-1}`, `{"a":0.099999}`, `{"a":-1}`}},
		{`{"a":{"$lt":123456789012345678901234567890}}`, docs{`{"a":123456789012345678901234567889}`, `{"a":-1e300}`}, docs{`{"a":123456789012345678901234567890}`, `{"a":1e30}`, `{"a":1e99999999999999999999}`}},
		{`{"a":0}`, docs{`{"a":-0}`, `{"a":0.000}`, `{"a":0e17}`, `{"a":-0.0E-5}`}, docs{`{"a":1e-400}`}},
		{`{"a":{"$gte":-2.5}}`, docs{`{"a":-2.50}`, `{"a":-2.4}`, `{"a":-25e-1}`, `{"a":0}`}, docs{`{"a":-2.51}`, `{"a":-3}`, `{"a":-1e1}`}},
		{`{"a":100}`, docs{`{"a":1e2}`, `{"a":1.00E+2}`, `{"a":1000e-1}`}, docs{`{"a":1e3}`, `{"a":10}`}},
	})
}

func TestRangesStayWithinOneType(t *testing.T) {
	check(t, []matchCase{
		{`{"v":{"$gt":1,"$lt":3}}`, docs{`{"v":2}`, `{"v":[0,4]}`}, docs{`{"v":1}`, `{"v":3}`, `{"v":"2"}`, `{}`}},
		{`{"v":{"$gt":"a"}}`, docs{`{"v":"b"}`, `{"v":"aa"}`}, docs{`{"v":"A"}`, `{"v":"a"}`, `{"v":5}`, `{"v":{}}`}},
		{`{"v":{"$gte":null}}`, docs{`{"v":null}`, `{}`}, docs{`{"v":1}`}},
		{`{"v":{"$gt":null}}`, nil, docs{`{"v":null}`, `{}`, `{"v":1}`}},
		{`{"v":{"$lt":true}}`, docs{`{"v":false}`}, docs{`{"v":true}`, `{"v":0}`}},
		{`{"v":{"$gt":[1,2]}}`, docs{`{"v":[1,3]}`, `{"v":[1,2,0]}`, `{"v":[[2]]}`, `{"v":["a"]}`}, docs{`{"v":[1,2]}`, `{"v":[1,1]}`, `{"v":5}`}},
		{`{"v":{"$lt":{"a":2}}}`, docs{`{"v":{"a":1}}`, `{"v":{}}`, `{"v":{"A":2}}`}, docs{`{"v":{"a":2}}`, `{"v":{"b":1}}`, `{"v":{"a":"x"}}`}},
		{`{"v":{"$jgt":2}}`, docs{`{"v":3}`}, docs{`{"v":2}`}},
		{`{"v":{"$jgte":2}}`, docs{`{"v":3}`, `{"v":2}`}, docs{`{"v":1}`, `{"v":"3"}`}},
		{`{"v":{"$jlt":2}}`, docs{`{"v":1}`}, docs{`{"v":2}`, `{}`}},
		{`{"v":{"$jlte":2}}`, docs{`{"v":1}`, `{"v":2.0}`}, docs{`{"v":3}`}},
		{`{"v":{"$lte":"\u00e9"}}`, docs{`{"v":"é"}`, `{"v":"e"}`}, docs{`{"v":"\u00ea"}`}},
	})
}

func TestDottedPaths(t *testing.T) {
	check(t, []matchCase{
		{`{"a.b":1}`, docs{`{"a":{"b":1}}`, `{"a":[{"b":1}]}`, `{"a":[{"b":2},{"b":[5,1]}]}`}, docs{`{"a.b":1}`, `{"a":{"b":2}}`, `{"a":[[{"b":1}]]}`, `{"a":1}`}},
		{`{"a.b":null}`, docs{`{}`, `{"a":1}`, `{"a":{}}`, `{"a":{"b":null}}`, `{"a":[{"b":1},{}]}`}, docs{`{"a":[]}`, `{"a":[1]}`, `{"a":{"b":1}}`, `{"a":[{"b":1}]}`}},
		{`{"a.1":7}`, docs{`{"a":[5,7]}`, `{"a":{"1":7}}`, `{"a":[{"1":7}]}`}, docs{`{"a":[7,5]}`, `{"a":[5,[7]]}`, `{"a":[7]}`}},
		{`{"a.1":[2,4]}`, docs{`{"a":[5,[2,4]]}`}, docs{`{"a":[2,4]}`}},
		{`{"a.1.b":4}`, docs{`{"a":[5,{"b":4}]}`, `{"a":[5,[{"b":4}]]}`, `{"a":[{"1":{"b":4}}]}`}, docs{`{"a":[{"b":4},5]}`}},
		{`{"a.01":7}`, docs{`{"a":{"01":7}}`}, docs{`{"a":[5,7]}`}},
		{`{"a.b":{"$exists":true}}`, docs{`{"a":{"b":null}}`, `{"a":[1,{"b":0}]}`}, docs{`{}`, `{"a":1}`, `{"a":[]}`}},
		{`{"a.b":{"$exists":false}}`, docs{`{}`, `{"a":[]}`, `{"a":[{"c":1}]}`}, docs{`{"a":[{"b":1},{}]}`}},
		{`{"a.b.c":{"$gt":1}}`, docs{`{"a":[{"b":[{"c":0},{"c":2}]}]}`}, docs{`{"a":[{"b":[{"c":0}]}]}`}},
	})
}

func TestDocumentFields(t *testing.T) {
	check(t, []matchCase{
		{`{"path":"/s/n"}`, docs{`{}`, `{"path":"x"}`}, nil},
		{`{"path":{"$regex":"^/s/"}}`, docs{`{}`}, nil},
		{`{"_meta.created":{"$gte":1000,"$lt":1001}}`, docs{`{}`}, nil},
		{`{"created":1000.5}`, nil, docs{`{"created":1000.5}`}},
		{`{"modified":{"$in":[1,2000]},"modifiedBy":"joe"}`, docs{`{}`}, nil},
		{`{"_id":null}`, docs{`{"_id":5}`}, nil},
		{`{"data.path":"x"}`, docs{`{"path":"x"}`}, docs{`{}`, `{"path":"/s/n"}`}},
		{`{"_data.v":3}`, docs{`{"v":3}`}, docs{`{"_data":{"v":3}}`}},
		{`{"data.v":3}`, docs{`{"v":3}`}, docs{`{"data":{"v":3}}`}},
		{`{"data":3}`, docs{`{"data":3}`}, docs{`{"v":3}`}},
		{`{"path.x":3}`, docs{`{"path":{"x":3}}`}, docs{`{}`}},
		{`{"n":null}`, docs{`{"n":null}`, `{}`}, docs{`{"n":1}`}},
	})
	f, err := match.CompileFilter([]byte(`{"modifiedBy":null}`))
	require.NoError(t, err)
	require.True(t, f.Match(&datastore.Document{Data: []byte(`{}`)}), "a document without an author has no modifiedBy")
}

func TestLogicalOperators(t *testing.T) {
	check(t, []matchCase{
		{`{"$and":[{"v":{"$gt":1}},{"v":{"$lt":4}}]}`, docs{`{"v":2}`}, docs{`{"v":1}`, `{"v":4}`}},
		{`{"$or":[{"v":1},{"s":"b"}],"t":2}`, docs{`{"v":1,"t":2}`, `{"s":"b","t":2}`}, docs{`{"v":1}`, `{"t":2}`}},
		{`{"$nor":[{"v":1},{"s":"b"}]}`, docs{`{}`, `{"v":2}`}, docs{`{"v":1}`, `{"s":"b"}`}},
		{`{"$or":[{"$and":[{"v":1},{"s":"abc"}]},{"v":3}]}`, docs{`{"v":1,"s":"abc"}`, `{"v":3}`}, docs{`{"v":1}`}},
		{`{"v":{"$not":{"$gt":2}}}`, docs{`{}`, `{"v":2}`, `{"v":"x"}`}, docs{`{"v":3}`, `{"v":[1,3]}`}},
		{`{"v":{"$not":{"$gt":2,"$lt":5}}}`, docs{`{"v":2}`, `{"v":5}`}, docs{`{"v":3}`}},
		{`{"v":{"$not":{"$regex":"^a"}}}`, docs{`{"v":"b"}`, `{}`}, docs{`{"v":"a"}`}},
		{`{"v":{"$not":{"$not":{"$eq":1}}}}`, docs{`{"v":1}`}, docs{`{"v":2}`}},
		{`{"$or":[{}]}`, docs{`{}`}, nil},
		{`{"$comment":"why","v":1}`, docs{`{"v":1}`}, docs{`{}`}},
		{`{"v":{"$or":[{"$lt":1},{"$gt":5}]}}`, docs{`{"v":0}`, `{"v":6}`}, docs{`{"v":3}`}},
		{`{"v":{"$and":[{"$gt":1},{"$lt":5}]}}`, docs{`{"v":3}`, `{"v":[0,9]}`}, docs{`{"v":0}`, `{"v":6}`}},
	})
}

func TestListsAndArrays(t *testing.T) {
	check(t, []matchCase{
		{`{"r":{"$in":["North","East",3.0,null,[1],{"k":1}]}}`,
			docs{`{"r":"East"}`, `{"r":"\u004eorth"}`, `{"r":3}`, `{}`, `{"r":[1]}`, `{"r":{"k":1.0}}`, `{"r":["x","North"]}`},
			docs{`{"r":"Nort"}`, `{"r":4}`, `{"r":{"k":2}}`, `{"r":true}`}},
		{`{"r":{"$in":[]}}`, nil, docs{`{}`, `{"r":1}`}},
		{`{"r":{"$nin":[1,2]}}`, docs{`{}`, `{"r":3}`, `{"r":[3]}`}, docs{`{"r":1}`, `{"r":[3,2]}`}},
		{`{"t":{"$all":["x","y"]}}`, docs{`{"t":["y","z","x"]}`}, docs{`{"t":["x"]}`, `{"t":"x"}`, `{}`}},
		{`{"t":{"$all":["x"]}}`, docs{`{"t":"x"}`, `{"t":["x"]}`}, docs{`{"t":"y"}`}},
		{`{"t":{"$all":[]}}`, nil, docs{`{"t":[]}`, `{}`}},
		{`{"t":{"$all":[["a","b"]]}}`, docs{`{"t":["a","b"]}`, `{"t":[["a","b"]]}`}, docs{`{"t":["a"]}`}},
		{`{"q":{"$all":[{"$elemMatch":{"s":"M","n":{"$gt":50}}},{"$elemMatch":{"n":100}}]}}`,
			docs{`{"q":[{"s":"M","n":60},{"s":"L","n":100}]}`, `{"q":[{"s":"M","n":100}]}`}, docs{`{"q":[{"s":"M","n":60}]}`, `{"q":[{"s":"M","n":10},{"s":"L","n":100}]}`}},
		{`{"r":{"$elemMatch":{"$gte":80,"$lt":85}}}`, docs{`{"r":[82,85]}`}, docs{`{"r":[75,88]}`, `{"r":82}`, `{"r":[[82]]}`}},
		{`{"r":{"$elemMatch":{"p":"x","s":{"$gte":8}}}}`, docs{`{"r":[{"p":"x","s":8}]}`, `{"r":[1,{"p":["x"],"s":[1,9]}]}`}, docs{`{"r":[{"p":"x","s":5},{"p":"y","s":9}]}`, `{"r":{"p":"x","s":8}}`}},
		{`{"r":{"$elemMatch":{"$or":[{"path":"x"},{"data.created":1}]}}}`, docs{`{"r":[{"path":"x"}]}`, `{"r":[{"data":{"created":1}}]}`}, docs{`{"r":[{"created":1}]}`}},
		{`{"r":{"$elemMatch":{"$not":{"$gt":5},"$ne":3}}}`, docs{`{"r":[9,4]}`}, docs{`{"r":[9,3]}`, `{"r":[]}`}},
		{`{"r":{"$elemMatch":{"$in":[1,2]}}}`, docs{`{"r":[2]}`}, docs{`{"r":[3]}`, `{"r":2}`}},
		{`{"r":{"$elemMatch":{"$elemMatch":{"$eq":1}}}}`, docs{`{"r":[[2,1]]}`}, docs{`{"r":[1]}`}},
		{`{"r":{"$elemMatch":{"0":1}}}`, docs{`{"r":[[1,2]]}`, `{"r":[{"0":1}]}`}, docs{`{"r":[[2,1]]}`}},
		{`{"a.r":{"$elemMatch":{"$gt":5}}}`, docs{`{"a":[{"r":[1]},{"r":[6]}]}`}, docs{`{"a":[{"r":6}]}`}},
		{`{"t":{"$size":2}}`, docs{`{"t":["x",["y"]]}`}, docs{`{"t":["x"]}`, `{"t":"xy"}`, `{}`}},
		{`{"t":{"$size":0}}`, docs{`{"t":[]}`}, docs{`{}`, `{"t":[[]]}`}},
		{`{"t":{"$size":{"$gte":2}}}`, docs{`{"t":[1,2,3]}`}, docs{`{"t":[1]}`}},
	})
}

func TestEvaluationOperators(t *testing.T) {
	check(t, []matchCase{
		{`{"s":{"$regex":".*n$"}}`, docs{`{"s":"Name n"}`, `{"s":["x","Name n"]}`}, docs{`{"s":"Name e"}`, `{"s":5}`, `{}`}},
		{`{"s":{"$regex":["^NAME","i"]}}`, docs{`{"s":"Name n"}`}, docs{`{"s":"a name"}`}},
		{`{"s":{"$regex":"^a","$options":"i"}}`, docs{`{"s":"Abc"}`}, docs{`{"s":"b"}`}},
		{`{"s":{"$options":"si","$regex":"a.b"}}`, docs{`{"s":"A\nB"}`}, docs{`{"s":"AB"}`}},
		{`{"s":{"$regex":"a b # or not\n c","$options":"x"}}`, docs{`{"s":"abc"}`}, docs{`{"s":"a b c"}`}},
		{`{"s":{"$regex":"^b","$options":"m"}}`, docs{`{"s":"a\nb"}`}, docs{`{"s":"ab"}`}},
		{`{"s":{"$regex":["^ab$"]}}`, docs{`{"s":"ab"}`, `{"s":"\u0061b"}`}, docs{`{"s":"ab "}`, `{"s":"xab"}`}},
		{`{"s":{"$regex":"\\u0061[^]\\/\\d"}}`, docs{`{"s":"a\n/7"}`}, docs{`{"s":"a/7"}`}},
		{`{"s":{"$regex":"b","$gt":"a"}}`, docs{`{"s":"b"}`, `{"s":"\u0062"}`}, docs{`{"s":"Ab"}`}},
		{`{"v":{"$mod":[4,0]}}`, docs{`{"v":8}`, `{"v":8.9}`, `{"v":[3,12]}`, `{"v":-4}`}, docs{`{"v":3}`, `{"v":"8"}`, `{"v":1e30}`}},
		{`{"v":{"$mod":[3,-1]}}`, docs{`{"v":-4}`}, docs{`{"v":4}`, `{"v":-3}`}},
		{`{"v":{"$mod":[-1,0]}}`, docs{`{"v":-9223372036854775808}`}, nil},
		{`{"v":{"$type":"number"}}`, docs{`{"v":1}`, `{"v":1.5}`, `{"v":["x",1]}`, `{"v":1e400}`}, docs{`{"v":"1"}`, `{}`}},
		{`{"v":{"$type":"int"}}`, docs{`{"v":2147483647}`, `{"v":-5.0}`}, docs{`{"v":2147483648}`, `{"v":0.5}`}},
		{`{"v":{"$type":"long"}}`, docs{`{"v":2147483648}`, `{"v":9223372036854775807}`}, docs{`{"v":1}`, `{"v":9223372036854775808}`}},
		{`{"v":{"$type":1}}`, docs{`{"v":0.5}`, `{"v":1e300}`}, docs{`{"v":1}`}},
		{`{"v":{"$type":["string","null",8]}}`, docs{`{"v":""}`, `{"v":null}`, `{"v":false}`}, docs{`{"v":1}`, `{}`, `{"v":{}}`}},
		{`{"v":{"$type":"array"}}`, docs{`{"v":[]}`, `{"v":[1]}`}, docs{`{"v":{}}`}},
		{`{"v":{"$type":"object"}}`, docs{`{"v":{}}`, `{"v":[{}]}`}, docs{`{"v":[]}`}},
		{`{"v":{"$type":"date"}}`, nil, docs{`{"v":"2020-01-01"}`, `{"v":1}`}},
		{`{"v":{"$bitsAllSet":[1,5]}}`, docs{`{"v":34}`, `{"v":54}`, `{"v":54.0}`, `{"v":-1}`}, docs{`{"v":2}`, `{"v":34.5}`, `{"v":"34"}`}},
		{`{"v":{"$bitsAllClear":35}}`, docs{`{"v":20}`, `{"v":0}`}, docs{`{"v":54}`}},
		{`{"v":{"$bitsAnySet":[0,70]}}`, docs{`{"v":1}`, `{"v":-2}`}, docs{`{"v":2}`}},
		{`{"v":{"$bitsAnyClear":[1,5]}}`, docs{`{"v":2}`, `{"v":20}`}, docs{`{"v":34}`}},
		{`{"v":{"$exists":1}}`, docs{`{"v":null}`}, docs{`{}`}},
		{`{"v":{"$exists":0}}`, docs{`{}`}, docs{`{"v":null}`}},
	})
}

func TestLokiOperators(t *testing.T) {
	check(t, []matchCase{
		{`{"t":{"$contains":"x"}}`, docs{`{"t":["y","x"]}`, `{"t":"axb"}`, `{"t":{"x":1}}`}, docs{`{"t":["y"]}`, `{"t":5}`, `{}`}},
		{`{"t":{"$contains":["x",2]}}`, docs{`{"t":[2,"x"]}`, `{"t":"x2"}`}, docs{`{"t":["x"]}`, `{"t":[2]}`}},
		{`{"t":{"$containsAny":["x",2]}}`, docs{`{"t":["x"]}`, `{"t":[2.0]}`}, docs{`{"t":["y"]}`, `{}`}},
		{`{"t":{"$containsNone":["x",2]}}`, docs{`{"t":["y"]}`, `{}`}, docs{`{"t":["x"]}`}},
		{`{"t":{"$containsString":"b\n"}}`, docs{`{"t":"ab\nc"}`}, docs{`{"t":"ab"}`, `{"t":5}`}},
		{`{"v":{"$between":[2,4]}}`, docs{`{"v":2}`, `{"v":4.0}`}, docs{`{"v":5}`, `{}`, `{"v":null}`, `{"v":[1,5]}`}},
		{`{"v":{"$jbetween":["b","d"]}}`, docs{`{"v":"c"}`}, docs{`{"v":"e"}`}},
		{`{"s":{"$len":3}}`, docs{`{"s":"abc"}`, `{"s":"a😀"}`, `{"s":"\u0061bc"}`}, docs{`{"s":"ab"}`, `{"s":[1,2,3]}`, `{}`}},
		{`{"s":{"$len":{"$gt":2,"$ne":4}}}`, docs{`{"s":"abc"}`}, docs{`{"s":"ab"}`, `{"s":"abcd"}`}},
		{`{"s":{"$keyin":{"a":1,"7":null}}}`, docs{`{"s":"a"}`, `{"s":7}`}, docs{`{"s":"b"}`, `{}`}},
		{`{"s":{"$nkeyin":{"a":1}}}`, docs{`{"s":"b"}`, `{}`}, docs{`{"s":"a"}`}},
		{`{"s":{"$definedin":["x","y"]}}`, docs{`{"s":1}`}, docs{`{"s":2}`, `{"s":"x"}`}},
		{`{"s":{"$undefinedin":{"a":1}}}`, docs{`{"s":"b"}`}, docs{`{"s":"a"}`}},
		{`{"v":{"$finite":true}}`, docs{`{"v":1}`}, docs{`{"v":"x"}`, `{}`}},
		{`{"v":{"$finite":false}}`, docs{`{"v":"x"}`, `{}`}, docs{`{"v":1}`}},
		{`{"v":{"$aeq":"1"}}`, docs{`{"v":1}`, `{"v":"1"}`, `{"v":true}`, `{"v":1.0}`}, docs{`{"v":2}`, `{"v":null}`, `{"v":"1.0"}`}},
		{`{"v":{"$aeq":null}}`, docs{`{"v":null}`, `{}`}, docs{`{"v":0}`}},
		{`{"d":{"$dteq":"2020-01-01T00:00:00.000Z"}}`, docs{`{"d":"2020-01-01T01:00:00+01:00"}`, `{"d":1577836800000}`, `{"d":"2020-01-01"}`}, docs{`{"d":"2020-01-02"}`, `{"d":"x"}`}},
	})
}

func TestMistakesAreNamedWithTheirPlace(t *testing.T) {
	cases := map[string]string{
		`{"region":{"$foo":1}}`:                     "unknown operator $foo at criteria.region",
		`{"$or":[{"a":1},{"b":{"$not":{"$x":1}}}]}`: "unknown operator $x at criteria.$or[1].b.$not",
		`{"$where":"1"}`:                            "unknown operator $where at criteria",
		`{"$expr":{"$bogus":1}}`:                    "unknown operator $bogus at criteria.$expr",
		`{"a":{"$gt":1,"b":2}}`:                     "b stands among operators but is not one at criteria.a",
		`{"name":{"$regex":5}}`:                     "$regex parameter value must be an Array or a string",
		`{"name":{"$regex":[5]}}`:                   "$regex parameter value must be an Array or a string",
		`{"name":{"$regex":[]}}`:                    "$regex parameter value must be an Array or a string",
		`{"name":{"$options":"i"}}`:                 "$options needs a $regex beside it at criteria.name",
		`{"name":{"$regex":["a","q"]}}`:             `$regex does not know the flag "q" at criteria.name`,
		`{"a":{"$in":3}}`:                           "$in needs an array at criteria.a",
		`{"a":{"$in":[{"$gt":1}]}}`:                 "$in takes values, not operators at criteria.a",
		`{"a":{"$size":-1}}`:                        "$size needs a whole number from 0 at criteria.a",
		`{"a":{"$mod":[0,1]}}`:                      "the divisor of $mod must not be 0 at criteria.a",
		`{"a":{"$mod":[1]}}`:                        "$mod needs an array of two numbers: divisor and remainder at criteria.a",
		`{"a":{"$all":1}}`:                          "$all needs an array at criteria.a",
		`{"a":{"$all":[{"$gt":1}]}}`:                "$all takes values or $elemMatch only at criteria.a.$all[0]",
		`{"a":{"$elemMatch":1}}`:                    "$elemMatch needs an object at criteria.a",
		`{"a":{"$type":"strange"}}`:                 `$type does not know the type "strange" at criteria.a`,
		`{"a":{"$bitsAllSet":-1}}`:                  "$bitsAllSet needs a whole number from 0, or an array of bit positions at criteria.a",
		`{"a":{"$not":5}}`:                          "$not needs an object of operators at criteria.a",
		`{"a":{"$between":[1]}}`:                    "$between needs an array of two bounds at criteria.a",
		`{"a":{"$keyin":1}}`:                        "$keyin needs an object at criteria.a",
		`{"$and":[]}`:                               "$and needs an array of at least one criterion at criteria.$and",
		`{"$or":[1]}`:                               "criteria must be an object at criteria.$or[0]",
		`[]`:                                        "criteria must be an object",
		`"x"`:                                       "criteria must be an object",
		`{"a":{"$elemMatch":{"0.0.0.0.0":{"$elemMatch":{"0.0.0.0":1}}}}}`: "more than 8 numeric path components at criteria.a.$elemMatch.0.0.0.0.0.$elemMatch.0.0.0.0",
	}
	for criteria, want := range cases {
		_, err := match.CompileFilter([]byte(criteria))
		require.EqualError(t, err, want, criteria)
		var mistake *match.Error
		require.ErrorAs(t, err, &mistake)
	}
	for criteria, part := range map[string]string{
		`{"$not":{"v":1}}`:               "use $nor",
		`{"a":{"$regex":"(?=x)"}}`:       "lookaround and backreferences are not available at criteria.a",
		`{"a":{"$regex":"(a{999}){9}"}}`: "$regex",
		`{`:                              "invalid JSON",
	} {
		_, err := match.CompileFilter([]byte(criteria))
		require.ErrorContains(t, err, part, criteria)
	}
}

func TestBoundsOfCriteria(t *testing.T) {
	_, err := match.CompileFilter([]byte(`{"a":"` + strings.Repeat("x", match.MaxBytes) + `"}`))
	require.ErrorContains(t, err, "too large")

	deep := `{"a":` + strings.Repeat(`{"$not":`, match.MaxDepth) + `{"$gt":1}` + strings.Repeat(`}`, match.MaxDepth) + `}`
	_, err = match.CompileFilter([]byte(deep))
	require.ErrorContains(t, err, "nest deeper")

	_, err = match.CompileFilter([]byte(`{"` + strings.Repeat("a.", 200) + `a":1}`))
	require.ErrorContains(t, err, "more than 128 components")

	_, err = match.CompileFilter([]byte(`{"a":{"$regex":"` + strings.Repeat(`x{1000}`, 30) + `"}}`))
	require.ErrorContains(t, err, "too large")
}

func TestSourceHasTranslatedNames(t *testing.T) {
	cases := []struct {
		criteria, source string
		native           bool
	}{
		{`{}`, `{}`, true},
		{`{ "region" : "x", "_meta.created": {"$gt": 5} }`, `{"data.region":"x","created":{"$gt":5}}`, true},
		{`{"$or":[{"a":1},{"b":{"$not":{"$jgt":2}}}],"n":null}`, `{"$or":[{"data.a":1},{"data.b":{"$not":{"$gt":2}}}],"data.n":null}`, true},
		{`{"s":{"$regex":["^a","gi"]}}`, `{"data.s":{"$regex":"^a","$options":"i"}}`, true},
		{`{"r":{"$elemMatch":{"path":1,"$or":[{"q":{"$regex":["a"]}}]}}}`, `{"data.r":{"$elemMatch":{"path":1,"$or":[{"q":{"$regex":"a"}}]}}}`, true},
		{`{"r":{"$all":[1,{"$elemMatch":{"a":1}}]}}`, `{"data.r":{"$all":[1,{"$elemMatch":{"a":1}}]}}`, true},
		{`{"t":{"$contains":"x"}}`, `{"data.t":{"$contains":"x"}}`, false},
		{`{"t":{"$size":{"$gt":1}}}`, `{"data.t":{"$size":{"$gt":1}}}`, false},
	}
	for _, c := range cases {
		f, err := match.CompileFilter([]byte(c.criteria))
		require.NoError(t, err)
		require.Equal(t, c.source, string(f.Source()))
		require.Equal(t, c.native, f.Native(), c.criteria)
	}
	var every *match.Filter
	require.True(t, every.Match(document(`{}`)))
	require.Equal(t, `{}`, string(every.Source()))
}

func TestManyFieldsAtOnce(t *testing.T) {
	check(t, []matchCase{{
		`{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"j.k":{"$gt":1}}`,
		docs{`{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"j":{"k":2}}`},
		docs{`{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"j":{"k":1}}`, `{"a":1}`},
	}})
}

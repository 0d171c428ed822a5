package expr_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore/expr"
	"github.com/happn-host/happn-host/internal/rawjson"
)

const document = `{"n":7,"f":2.5,"t":"Hello","l":[3,1,2],"o":{"a":1,"b":{"c":"x"}},"objects":[{"k":1},{"k":2},5],"yes":true,"null":null}`

// eval returns the result as JSON text, or as the text of the error.
func eval(t *testing.T, expression string) string {
	t.Helper()
	e, err := expr.Compile([]byte(expression), expr.Root("e"))
	if err != nil {
		return err.Error()
	}
	v, err := e.Eval(&expr.Env{Now: 1_700_000_000_000}, expr.FromJSON([]byte(document)))
	if err != nil {
		require.ErrorAs(t, err, new(*expr.Error))
		return err.Error()
	}
	if v.Kind() == expr.Missing {
		return "missing"
	}
	return string(v.AppendJSON(nil))
}

// TestExpressions has a group of operators in each part; that they mean what
// MongoDB means by them is for match/difftest to show.
func TestExpressions(t *testing.T) {
	for group, cases := range map[string]map[string]string{
		"paths and literals": {
			`"$n"`: `7`, `"$o.b.c"`: `"x"`, `"$objects.k"`: `[1,2]`, `"$nothing"`: "missing", `"$$ROOT.n"`: `7`, `"$$NOW"`: `"2023-11-14T22:13:20.000Z"`, `"$$REMOVE"`: "missing",
			`{"$literal":"$n"}`: `"$n"`, `["$n","$nothing"]`: `[7,null]`, `{"a":"$n","b":"$nothing"}`: `{"a":7}`,
			`"$"`: `the path "$" has an empty component at e`, `"$a..b"`: `the path "$a..b" has an empty component, or one that begins with $ at e`, `"$$x"`: `the variable $$x is not defined at e`,
		},
		"comparison": {
			`{"$eq":["$n",7.0]}`: `true`, `{"$ne":["$n",7]}`: `false`, `{"$gt":["$t","$n"]}`: `true`, `{"$gte":["$n","$n"]}`: `true`, `{"$lt":["$null","$n"]}`: `true`, `{"$lte":["$f",2]}`: `false`,
			`{"$cmp":["$nothing","$null"]}`: `-1`, `{"$eq":[1]}`: `$eq takes 2 arguments, found 1 at e.$eq`, `{"$lt":[[1,2],[1,3]]}`: `true`, `{"$eq":["$o",{"a":1,"b":{"c":"x"}}]}`: `true`,
			`{"$cmp":[[1],[1,2]]}`: `-1`, `{"$cmp":["$o",{"a":1}]}`: `1`, `{"$eq":[9007199254740993,9007199254740992]}`: `false`,
		},
		"boolean and conditional": {
			`{"$and":["$yes","$n"]}`: `true`, `{"$or":["$null",0]}`: `false`, `{"$not":["$yes"]}`: `false`, `{"$and":[]}`: `true`,
			`{"$cond":["$yes","a","b"]}`: `"a"`, `{"$ifNull":["$null","$n"]}`: `7`, `{"$switch":{"branches":[{"case":false,"then":1}],"default":2}}`: `2`,
			`{"$switch":{"branches":[{"case":false,"then":1}]}}`: `$switch found no branch for the document and has no default at e.$switch`, `{"$cond":[1]}`: `$cond takes 3 arguments, found 1 at e.$cond`,
			`{"$cond":{"if":1,"then":2}}`: `$cond needs "else" at e.$cond`, `{"$ifNull":["$n"]}`: `$ifNull takes at least 2 arguments, found 1 at e.$ifNull`,
		},
		"arithmetic": {
			`{"$add":["$n",0.5]}`: `7.5`, `{"$subtract":[9007199254740993,1]}`: `9007199254740992`, `{"$multiply":["$n","$n"]}`: `49`, `{"$divide":[7,2]}`: `3.5`, `{"$mod":[-7,3]}`: `-1`, `{"$round":["$f"]}`: `2`,
			`{"$add":["$null",1]}`: `null`, `{"$add":["$t",1]}`: `$add needs numbers or a date, found string at e.$add`, `{"$abs":-3}`: `3`, `{"$pow":[2,10]}`: `1024`,
		},
		"text": {
			`{"$concat":["$t","!"]}`: `"Hello!"`, `{"$toUpper":"$t"}`: `"HELLO"`, `{"$strLenCP":"é"}`: `1`, `{"$strLenBytes":"é"}`: `2`, `{"$split":["a,b",","]}`: `["a","b"]`, `{"$regexMatch":{"input":"$t","regex":"^h","options":"i"}}`: `true`,
			`{"$concat":["$n"]}`: `$concat needs strings, found number at e.$concat`, `{"$trim":{"input":" x "}}`: `"x"`, `{"$replaceAll":{"input":"$t","find":"l","replacement":""}}`: `"Heo"`,
		},
		"arrays and sets": {
			`{"$size":"$l"}`: `3`, `{"$arrayElemAt":["$l",-1]}`: `2`, `{"$in":[2,"$l"]}`: `true`, `{"$slice":["$l",1,1]}`: `[1]`, `{"$sortArray":{"input":"$l","sortBy":-1}}`: `[3,2,1]`, `{"$reduce":{"input":"$l","initialValue":0,"in":{"$add":["$$value","$$this"]}}}`: `6`,
			`{"$map":{"input":"$l","as":"x","in":{"$multiply":["$$x","$n"]}}}`: `[21,7,14]`, `{"$filter":{"input":"$l","cond":{"$gt":["$$this",1]},"limit":1}}`: `[3]`, `{"$setUnion":["$l",[2,9]]}`: `[3,1,2,9]`, `{"$setIntersection":["$l",[1]]}`: `[1]`,
			`{"$size":"$n"}`: `$size needs an array, found number at e.$size`, `{"$range":[0,3]}`: `[0,1,2]`, `{"$concatArrays":["$l",[9]]}`: `[3,1,2,9]`, `{"$zip":{"inputs":[[1],[2]]}}`: `[[1,2]]`, `{"$maxN":{"input":"$l","n":2}}`: `[3,2]`,
		},
		"objects": {
			`{"$mergeObjects":["$o",{"a":2}]}`: `{"a":2,"b":{"c":"x"}}`, `{"$objectToArray":{"x":1}}`: `[{"k":"x","v":1}]`, `{"$getField":"n"}`: `7`, `{"$setField":{"field":"a","input":"$o","value":5}}`: `{"a":5,"b":{"c":"x"}}`,
			`{"$unsetField":{"field":"b","input":"$o"}}`: `{"a":1}`, `{"$mergeObjects":["$n"]}`: `$mergeObjects needs objects, found number at e.$mergeObjects`,
		},
		"types": {
			`{"$type":"$n"}`: `"int"`, `{"$isNumber":"$t"}`: `false`, `{"$toString":"$f"}`: `"2.5"`, `{"$toInt":"12"}`: `12`, `{"$convert":{"input":"x","to":"int","onError":0}}`: `0`, `{"$isArray":"$l"}`: `true`,
		},
		"dates": {
			`{"$year":"2024-02-29T00:00:00Z"}`: `2024`, `{"$dateAdd":{"startDate":"2024-01-31","unit":"month","amount":1}}`: `"2024-02-29T00:00:00.000Z"`, `{"$dateToString":{"date":0,"format":"%Y-%m-%d"}}`: `"1970-01-01"`, `{"$dateDiff":{"startDate":"2024-01-01","endDate":"2024-01-03","unit":"day"}}`: `2`,
		},
		"accumulators": {
			`{"$sum":"$l"}`: `6`, `{"$avg":"$l"}`: `2`, `{"$min":["$n","$f"]}`: `2.5`, `{"$stdDevPop":[1,3]}`: `1`, `{"$median":{"input":"$l","method":"approximate"}}`: `2`, `{"$percentile":{"input":"$l","method":"approximate","p":[1]}}`: `[3]`,
		},
		"variables": {
			`{"$let":{"vars":{"x":1,"y":"$n"},"in":{"$add":["$$x","$$y"]}}}`: `8`, `{"$let":{"vars":{"X":1},"in":1}}`: `"X" cannot name a variable: begin with a small letter at e.$let.vars`,
		},
		"mistakes": {
			`{"$bogus":1}`: `unknown operator $bogus at e`, `{"a":{"$add":[1,{"$bogus":2}]}}`: `unknown operator $bogus at e.a.$add[1]`, `{"$add":1,"$sum":2}`: `the operator $add must be the only member of its object at e`,
			`{"a.b":1}`: `the name "a.b" has a dot; nest objects instead at e`,
		},
	} {
		t.Run(group, func(t *testing.T) {
			for expression, want := range cases {
				require.Equal(t, want, eval(t, expression), expression)
			}
		})
	}
}

func TestNestingIsBounded(t *testing.T) {
	deep := strings.Repeat(`{"$not":`, expr.MaxDepth) + `1` + strings.Repeat(`}`, expr.MaxDepth)
	require.Contains(t, eval(t, deep), "expressions nest deeper than 64 levels at e.$not.$not")
}

// TestCompareIsAnOrder compares values of all kinds, as text and as made.
func TestCompareIsAnOrder(t *testing.T) {
	ascending := []string{`null`, `-1e3`, `0`, `1.5`, `9007199254740992`, `9007199254740993`, `""`, `"a"`, `"\u0062"`, `{}`, `{"a":1}`, `{"a":1,"b":1}`, `{"b":0}`, `{"a":"x"}`, `[]`, `[1]`, `[1,1]`, `[2]`, `[[]]`, `false`, `true`}
	for i, x := range ascending {
		for j, y := range ascending {
			a, b := expr.FromJSON([]byte(x)), expr.FromJSON([]byte(y))
			c := expr.Compare(a, b)
			require.Equal(t, [3]bool{i < j, i == j, i > j}, [3]bool{c < 0, c == 0, c > 0}, "%s and %s", x, y)
			require.Equal(t, i == j, string(a.AppendKey(nil, nil)) == string(b.AppendKey(nil, nil)), "%s and %s", x, y)
		}
	}
}

// FuzzExpression compiles any text and evaluates what that accepts: nothing may
// panic, results are JSON, and evaluating again gives the same.
func FuzzExpression(f *testing.F) {
	for _, s := range []string{
		`"$n"`, `"$$ROOT.o.b"`, `{"$add":["$n",{"$multiply":["$f",2]}]}`, `{"$map":{"input":"$l","as":"x","in":{"$toString":"$$x"}}}`, `{"$reduce":{"input":"$l","initialValue":"","in":{"$concat":["$$value","x"]}}}`,
		`{"$dateTrunc":{"date":"2024-01-01","unit":"week","binSize":3}}`, `{"$regexFindAll":{"input":"$t","regex":"l(.)"}}`, `{"$percentile":{"input":"$l","p":[0.1,1],"method":"approximate"}}`, `{"$sortArray":{"input":"$objects","sortBy":{"k":-1}}}`,
		`{"$switch":{"branches":[{"case":"$yes","then":1}],"default":{"$literal":{"$x":1}}}}`, `{"$zip":{"inputs":["$l",[1]],"useLongestLength":true,"defaults":[0,1]}}`, `{"$let":{"vars":{"a":"$o"},"in":{"$mergeObjects":["$$a",{"z":"$$NOW"}]}}}`,
		`{"$convert":{"input":"$t","to":"double","onError":"$nothing"}}`, `{"$setDifference":["$l",{"$range":[0,5,2]}]}`, `{"$substrCP":["$t",1,{"$strLenCP":"$t"}]}`, `{"$cmp":[["$n","$o"],{"a":"$l"}]}`,
	} {
		f.Add([]byte(s))
	}
	doc := expr.FromJSON([]byte(document))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if new(rawjson.Scanner).Valid(raw) != nil {
			return
		}
		raw = raw[rawjson.Space(raw, 0):]
		e, err := expr.Compile(raw[:rawjson.End(raw, 0)], expr.Root("e"))
		if err != nil {
			return
		}
		env := expr.Env{Now: 1}
		v, err := e.Eval(&env, doc)
		if err != nil {
			return
		}
		out := v.AppendJSON(nil)
		if !json.Valid(out) {
			t.Fatalf("%s gives %s", raw, out)
		}
		again, err := e.Eval(&env, doc)
		if err != nil || string(again.AppendJSON(nil)) != string(out) {
			t.Fatalf("%s gives %s, then %s and %v", raw, out, again.AppendJSON(nil), err)
		}
	})
}

package match_test

import (
	"encoding/json"
	"testing"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/match"
	"github.com/happn-host/happn-host/internal/rawjson"
)

var fuzzSeeds = []string{
	`{}`, `{"a":1}`, `{"a":{"$gt":1,"$lt":"x"},"b.0.c":null}`, `{"$or":[{"a":{"$in":[1,"x",null,[1],{"a":1}]}},{"_meta.created":{"$gte":1e3}}]}`,
	`{"a":{"$elemMatch":{"b":1,"0.1":{"$size":2}}}}`, `{"a":{"$all":[1,{"$elemMatch":{"$gt":1}}]}}`, `{"a":{"$regex":["^a.*\\u0041","gi"]}}`,
	`{"a":{"$not":{"$type":["int","array"]}}}`, `{"a":{"$mod":[3,1],"$bitsAnySet":[0,99]}}`, `{"a":{"$len":{"$gt":1},"$contains":["x",1],"$aeq":"1"}}`,
	`{"a":{"$keyin":{"x":1},"$dteq":"2020-01-01","$between":[1,2]}}`, `{"a.b.c":-1}`, `{"path":-1,"a":1}`, `{"a":0,"b.c":false}`, `{"_meta":1}`,
	`{"options":{"limit":"5","sort":{"a":-1}},"criteria":{"a":1}}`, `{"a":[1,2,{"b":[{"c":1}]}],"\u0061":"\ud800"}`,
	`{"$expr":{"$gt":[{"$size":{"$ifNull":["$data.a",[]]}},"$created"]}}`, `{"$jsonSchema":{"required":["a"],"properties":{"a":{"items":{"type":"number"},"uniqueItems":true}}}}`,
	`{"a":{"$$eq":"b.0"},"b":{"$$contains":"a"}}`, `{"a":{"$slice":[-1,1]},"b":{"$elemMatch":{"c":1}}}`, `{"criteria":{"a":"X"},"sort":{"a":1},"collation":{"locale":"en","strength":2}}`,
	`[]`, `"x"`, `{"a":1e999999999999999999999}`, "{\"a\\\\\":\"\\n\"}", `{"":{"":[""]}}`,
}

// FuzzCompile feeds any text to the compilers and matches what they accept:
// nothing may panic, and what is written down as the source must compile again
// to something that gives the same answer.
func FuzzCompile(f *testing.F) {
	for _, a := range fuzzSeeds {
		for _, b := range fuzzSeeds[:8] {
			f.Add([]byte(a), []byte(b))
		}
		f.Add([]byte(a), []byte(`{"a":[1,2,{"b":[{"c":1}]}],"\u0061":"\ud800"}`))
	}
	f.Fuzz(func(t *testing.T, raw, data []byte) {
		if new(rawjson.Scanner).Valid(data) != nil || !rawjson.IsObject(data) {
			data = []byte(`{"a":[1,"x",{"b":[null,{"c":2}]}],"b":{"0":{"c":true}}}`)
		}
		doc := &datastore.Document{Path: "/p", Data: data, Created: 1, Modified: 2}
		other := &datastore.Document{Path: "/q", Data: []byte(`{"a":1}`)}
		_, _ = match.ParseOptions(raw)
		if filter, err := match.CompileFilter(raw); err == nil {
			again, err := match.CompileFilter(filter.Source())
			if err != nil {
				t.Fatalf("%s compiled to %s: %v", raw, filter.Source(), err)
			}
			if filter.Match(doc) != again.Match(doc) {
				t.Fatalf("%s and its source %s differ on %s", raw, filter.Source(), data)
			}
		}
		if order, err := match.CompileOrder(raw); err == nil {
			if c := order.Compare(doc, other); (c < 0) != (order.Compare(other, doc) > 0) || order.Compare(doc, doc) != 0 {
				t.Fatalf("%s does not order %s", raw, data)
			}
			valid(t, order.Source())
		}
		if fields, err := match.CompileFields(raw); err == nil {
			got, meta := fields.Append(nil, nil, doc)
			valid(t, got)
			valid(t, append(append([]byte{'{'}, meta...), '}'))
			valid(t, fields.Source())
		}
	})
}

func valid(t *testing.T, raw []byte) {
	t.Helper()
	if !json.Valid(raw) {
		t.Fatalf("not JSON: %s", raw)
	}
}

// FuzzMatch matches documents that are not even JSON: stores check what they
// take, but a broken one must not break the host.
func FuzzMatch(f *testing.F) {
	for _, s := range fuzzSeeds {
		f.Add([]byte(s))
		f.Add([]byte(s)[:len(s)/2])
	}
	var filters []*match.Filter
	for _, s := range fuzzSeeds {
		if filter, err := match.CompileFilter([]byte(s)); err == nil {
			filters = append(filters, filter)
		}
	}
	order, err := match.CompileOrder([]byte(`{"a.b":1,"a.0":-1,"a":1}`))
	if err != nil {
		f.Fatal(err)
	}
	var projections []*match.Fields
	for _, s := range []string{`{"a.b.c":1,"b":1}`, `{"a.b.c":0,"b":0}`} {
		fields, err := match.CompileFields([]byte(s))
		if err != nil {
			f.Fatal(err)
		}
		projections = append(projections, fields)
	}
	f.Fuzz(func(_ *testing.T, data []byte) {
		doc := &datastore.Document{Path: "/p", Data: data}
		for _, filter := range filters {
			filter.Match(doc)
		}
		order.Compare(doc, &datastore.Document{Data: []byte(`{"a":[1]}`)})
		for _, fields := range projections {
			fields.Append(nil, nil, doc)
		}
	})
}

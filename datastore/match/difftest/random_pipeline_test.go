package difftest_test

import (
	"fmt"
	"strings"
	"testing"
)

// stage returns one stage, or a few that belong together, for documents with an
// integer data.n and a path. What follows finds both again.
func (r random) stage() string {
	k := fmt.Sprint(r.IntN(7) - 3)
	switch r.IntN(8) {
	case 0:
		return fmt.Sprintf(`{"$match":{"data.n":{%q:%s}}}`, r.pick("$gt", "$gte", "$lt", "$lte", "$ne"), k)
	case 1:
		return fmt.Sprintf(`{"$match":{"$expr":{%q:[%s,%s]}}}`, r.pick("$gt", "$lte", "$eq"), r.number(), k)
	case 2:
		return fmt.Sprintf(`{%q:{"data.x":%s,"fresh.%s":%s}}`, r.pick("$set", "$addFields"), r.number(), r.pick("a", "b"), r.number())
	case 3:
		return fmt.Sprintf(`{"$project":{"path":1,"data.n":1,"v":%s}}`, r.number())
	case 4:
		return fmt.Sprintf(`{"$sort":{"data.n":%s,"path":%s}}`, r.pick("1", "-1"), r.pick("1", "-1"))
	case 5:
		return fmt.Sprintf(`{%q:%d}`, r.pick("$skip", "$limit"), 1+r.IntN(20))
	case 6:
		return fmt.Sprintf(`{"$set":{"l":["$data.n",%s]}},{"$unwind":{"path":"$l","includeArrayIndex":"i"}}`, r.number())
	}
	return `{"$unset":"created"}`
}

// number returns an expression with an integer for its value.
func (r random) number() string {
	k := r.IntN(7) - 3
	switch r.IntN(7) {
	case 0:
		return fmt.Sprintf(`{%q:["$data.n",%d]}`, r.pick("$add", "$subtract", "$multiply"), k)
	case 1:
		return fmt.Sprintf(`{"$cond":[{"$gt":["$data.n",%d]},%s,%d]}`, k, r.number(), k)
	case 2:
		return `{"$abs":"$data.n"}`
	case 3:
		return fmt.Sprintf(`{"$ifNull":["$missing",%s]}`, r.number())
	case 4:
		return fmt.Sprintf(`{"$strLenCP":{"$concat":["$path",%q]}}`, strings.Repeat("x", r.IntN(4)))
	case 5:
		return fmt.Sprintf(`{"$size":{"$filter":{"input":[1,2,%d],"as":"e","cond":{"$gt":["$$e","$data.n"]}}}}`, k)
	}
	return `"$data.n"`
}

// end returns what makes one result of many documents.
func (r random) end() string {
	switch r.IntN(5) {
	case 0:
		return `{"$group":{"_id":null,"n":{"$sum":1}}}`
	case 1:
		return fmt.Sprintf(`{"$group":{"_id":{"$gt":["$data.n",%d]},"sum":{"$sum":%s},"max":{"$max":%s},"n":{"$count":{}},"all":{"$push":"$path"}}},{"$sort":{"_id":1}}`,
			r.IntN(5)-2, r.number(), r.number())
	case 2:
		return `{"$sortByCount":"$data.n"},{"$sort":{"count":-1,"_id":1}}`
	case 3:
		return fmt.Sprintf(`{"$facet":{"one":[%s,%s],"two":[%s,{"$group":{"_id":null,"n":{"$sum":1}}}]}}`, r.stage(), r.stage(), r.stage())
	}
	return r.stage()
}

// TestRandomPipelinesAgreeWithMingo leaves out $count, which mingo answers for no
// documents at all (see TestPipelinesAgreeWithMingo). It runs pipelines made at random on random
// documents.
func TestRandomPipelinesAgreeWithMingo(t *testing.T) {
	both(t, func(t *testing.T, r random) {
		pipelines := raws(120, func() string {
			stages := []string{`{"$sort":{"path":1}}`}
			for range r.IntN(5) {
				stages = append(stages, r.stage())
			}
			return "[" + strings.Join(append(stages, r.end()), ",") + "]"
		})
		settle(t, compare(t, raws(30, r.document), pipelines), func(i int) string { return string(pipelines[i]) }, nil)
	})
}

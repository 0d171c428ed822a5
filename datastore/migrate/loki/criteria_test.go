package loki_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore/migrate/loki"
)

func itoa(n int) string { return strconv.Itoa(n) }

func TestCriteriaMeanWhatTheyMeanInTheReference(t *testing.T) {
	const doc = `{"n":2,"s":"abc","t":["x","y"],"o":{"k":1},"b":true,"z":null,"d":"10","l":[{"v":1},{"v":2}],"e":""}`
	for criteria, removes := range map[string]bool{
		`{}`: true, `{"path":"/a"}`: true, `{"created":1000}`: true, `{"created":{"$gt":999}}`: true,
		`{"data.n":2}`: true, `{"data.n":"2"}`: false, `{"data.n":{"$ne":2}}`: false, `{"data.none":{"$ne":2}}`: true,
		`{"data.n":2,"data.s":"abc"}`: true, `{"data.n":2,"data.s":"x"}`: false,
		`{"data.n":{"$gt":1,"$lt":2}}`: true, // the first operator counts
		`{"data.n":{"$gt":"1"}}`:       true, `{"data.d":{"$gt":9}}`: true, `{"data.s":{"$gt":9}}`: true,
		`{"data.none":{"$lt":0}}`: true, `{"data.z":{"$lte":null}}`: true, `{"data.b":{"$lt":5}}`: true, `{"data.e":{"$gt":true}}`: true,
		`{"data.n":{"$in":[1,2]}}`: true, `{"data.n":{"$nin":[1,2]}}`: false, `{"data.none":{"$nin":[1]}}`: true,
		`{"data.t":"x"}`: false, `{"data.t":{"$contains":"x"}}`: true, `{"data.t":{"$contains":["x","q"]}}`: false,
		`{"data.t":{"$containsAny":["x","q"]}}`: true, `{"data.t":{"$containsNone":["q"]}}`: true, `{"data.t":{"$size":2}}`: true,
		`{"data.s":{"$contains":"b"}}`: true, `{"data.o":{"$contains":"k"}}`: true, `{"data.n":{"$contains":2}}`: false,
		`{"data.o.k":1}`: true, `{"data.l.v":2}`: true, `{"data.l.v":3}`: false, `{"data.l.v":{"$not":{"$eq":1}}}`: true,
		`{"data.s":{"$regex":"^a"}}`: true, `{"data.s":{"$regex":["^A","i"]}}`: true, `{"data.s":{"$regex":"^A","$options":"i"}}`: false,
		`{"data.none":{"$exists":false}}`: true, `{"data.z":{"$exists":true}}`: true, `{"data.z":null}`: true, `{"data.none":null}`: false,
		`{"$or":[{"data.n":1},{"data.n":2}]}`: true, `{"$and":[{"data.n":1},{"data.n":2}]}`: false,
		`{"data.n":{"$or":[{"$eq":1},{"$eq":2}]}}`: true, `{"data.n":{"$between":[1,3]}}`: true,
		`{"$nor":[]}`: false, `{"data.n":{"$mod":[2,0]}}`: false, // not to be judged: nothing is removed
	} {
		t.Run(criteria, func(t *testing.T) {
			text := line(database(stored("/a", doc, 1000))) + did("REMOVE", `["/*",`+criteria+`]`)
			require.Equal(t, removes, len(read(t, open(t, write(t, text), loki.Options{}))) == 0)
		})
	}
}

func TestPatternsOfRemovalsAreThoseOfTheReference(t *testing.T) {
	for pattern, removes := range map[string]bool{
		"/a/*": true, "/a/b*": true, "/A/*": false, "/a/*/x": false, "*": true, "/a**": true, "/*.c": true, "/a/b?c*": false, "/b*": false,
	} {
		text := line(database(stored("/a/b.c", `{}`, 1000))) + did("REMOVE", `["`+pattern+`",null]`)
		require.Equal(t, removes, len(read(t, open(t, write(t, text), loki.Options{}))) == 0, pattern)
	}
}

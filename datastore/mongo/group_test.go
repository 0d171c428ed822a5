package mongo_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/aggregate"
	"github.com/happn-host/happn-host/datastore/mongo"
)

// counting counts which groups the store makes.
type counting struct {
	*mongo.Store
	made int
}

// Group implements datastore.Aggregator.
func (c *counting) Group(ctx context.Context, q *datastore.Query, g *datastore.Grouping) ([]datastore.Group, bool, error) {
	groups, done, err := c.Store.Group(ctx, q, g)
	if done {
		c.made++
	}
	return groups, done, err
}

// Random pipelines on random documents come to the same in the host and where the
// server makes the groups.
func TestGroupsOfTheServerAreThoseOfTheHost(t *testing.T) {
	_, o := collection(t)
	store := &counting{Store: open(t, o)}
	defer func() { require.NoError(t, store.Close()) }()
	random := seeded(t)
	pick := func(of ...string) string { return of[random.IntN(len(of))] }
	var docs []*datastore.Document
	for i := range 150 {
		var data []string
		for _, name := range []string{"a", "b", "whole", "any"} {
			value := pick("1", "2", "2.0", "-7", "9007199254740993", "12345678901")
			switch {
			case name == "any":
				value = pick(value, "0.5", "null", `"x"`, `"2"`, "true", "[1,2]", `{"c":1}`, `{"c":"y"}`)
			case name != "whole":
				value = pick("1", "1.0", "2.5", "null", `"x"`, `"X"`, `""`, "false", `{"c":1}`, value)
			}
			if random.IntN(5) > 0 {
				data = append(data, fmt.Sprintf("%q:%s", name, value))
			}
		}
		docs = append(docs, &datastore.Document{Path: fmt.Sprintf("/%s/%d", pick("d", "e"), i), Data: []byte("{" + strings.Join(data, ",") + "}"), Created: 1, Modified: 2})
	}
	ctx := context.Background()
	require.NoError(t, store.Import(ctx, docs))
	field := func() string {
		return pick("$data.a", "$data.b", "$data.any", "$data.any.c", "$data.none", "$data.whole")
	}
	for range 80 {
		key := pick("null", `"`+field()+`"`, `"`+field()+`"`, fmt.Sprintf(`{"k":%q,"l":%q}`, field(), field()))
		values := fmt.Sprintf(`"v":{%q:%q}`, pick("$sum", "$sum", "$sum", "$min", "$max"), pick("$data.whole", "$data.whole", field()))
		if random.IntN(4) == 0 {
			values = pick(`"v":{"$sum":1}`, `"v":{"$count":{}}`, values+`,"w":{"$sum":3}`)
		}
		text := pick("", "", `{"$match":{"data.whole":{"$gt":1}}},`, `{"$skip":5},{"$limit":90},`) +
			`{"$group":{"_id":` + key + `,` + values + `}}` + pick("", `,{"$sort":{"_id":1}}`, `,{"$sort":{"v":-1,"_id":1}}`, `,{"$count":"n"}`)
		p, err := aggregate.Compile([]byte("["+text+"]"), nil)
		require.NoError(t, err, text)
		q := datastore.Query{Pattern: []byte(pick("/d/*", "*"))}
		all := q
		want, err := p.Run(ctx, func(yield func(*datastore.Document) bool) error { return store.Find(ctx, &all, yield) }, aggregate.Options{})
		require.NoError(t, err, "%s on %s", text, all.Pattern)
		got, err := p.RunOn(ctx, store, &q, aggregate.Options{})
		require.NoError(t, err, "%s on %s", text, all.Pattern)
		require.Equal(t, string(want), string(got), "%s on %s", text, all.Pattern)
	}
	require.Greater(t, store.made, 10)
}

package mongo_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/mongo"
	"github.com/happn-host/happn-host/datastore/mongo/mongotest"
)

// nothingFound is the answer to a search that finds nothing.
func nothingFound() bson.Raw {
	return mongotest.Reply(bson.D{{Key: "ok", Value: 1.0},
		{Key: "cursor", Value: bson.D{{Key: "id", Value: int64(0)}, {Key: "ns", Value: "happn.happn"}, {Key: "firstBatch", Value: bson.A{}}}}})
}

// What is sent for a pattern: a range of the index on path, and behind it an
// anchored expression in which everything but the stars is escaped, where the
// range says too little. That the index is used is shown by
// TestAPatternUsesTheIndexOnPath, where a server can tell.
func TestAPatternIsSentAsARangeOfPathsAndAnAnchoredExpression(t *testing.T) {
	asked := make(chan string, 1)
	store := standIn(t, mongo.Options{}, mongotest.Options{Answer: func(c *mongotest.Command) bson.Raw {
		if c.Name != "find" {
			return nil
		}
		asked <- c.Body.Lookup("filter", "path").String()
		return nothingFound()
	}})
	expression := func(bounds, pattern string) string {
		return `{` + bounds + `,"$regex": {"$regularExpression":{"pattern":"` + pattern + `","options":"s"}}}`
	}
	for pattern, want := range map[string]string{
		"/a/b":       `"/a/b"`,
		"*":          `{"$gte": ""}`,
		"/a/*":       `{"$gte": "/a/","$lt": "/a0"}`,
		"/a/**":      `{"$gte": "/a/","$lt": "/a0"}`,
		"/a*":        `{"$gte": "/a","$lt": "/b"}`,
		"/a/*/c":     expression(`"$gte": "/a/","$lt": "/a0"`, `^/a/.*/c\\z`),
		"/a/*/c*":    expression(`"$gte": "/a/","$lt": "/a0"`, `^/a/.*/c`),
		"*/c":        expression(`"$gte": ""`, `^.*/c\\z`),
		"/a.b(c)/*$": expression(`"$gte": "/a.b(c)/","$lt": "/a.b(c)0"`, `^/a\\.b\\(c\\)/.*\\$\\z`),
		"/a/*[x]|y+": expression(`"$gte": "/a/","$lt": "/a0"`, `^/a/.*\\[x\\]\\|y\\+\\z`),
		`/a\*^?{1}`:  expression(`"$gte": "/a\\","$lt": "/a]"`, `^/a\\\\.*\\^\\?\\{1\\}\\z`),
		"/\uD7FF*":   `{"$gte": "/` + "\uD7FF" + `","$lt": "/` + "\uE000" + `"}`,
		"/é*ü":       expression(`"$gte": "/é","$lt": "/ê"`, `^/é.*ü\\z`),
	} {
		err := store.Find(context.Background(), &datastore.Query{Pattern: []byte(pattern)}, func(*datastore.Document) bool { return true })
		require.NoError(t, err)
		require.Equal(t, want, <-asked, pattern)
	}
}

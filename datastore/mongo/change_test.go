package mongo_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/happn-host/happn-host/datastore/mongo"
	"github.com/happn-host/happn-host/datastore/mongo/mongotest"
)

// What a set stores does not come back over the network, unless the server can
// only send all of it.
func TestASetDoesNotGetItsDataBack(t *testing.T) {
	var fields []string
	able := true
	store := standIn(t, mongo.Options{}, mongotest.Options{Answer: func(c *mongotest.Command) bson.Raw {
		if c.Name != "findAndModify" {
			return nil
		}
		asked := c.Body.Lookup("fields")
		fields = append(fields, asked.String())
		if asked.Type != 0 && !able {
			return mongotest.Reply(bson.D{{Key: "ok", Value: 0.0}, {Key: "code", Value: int32(238)}, {Key: "codeName", Value: "NotImplemented"},
				{Key: "errmsg", Value: "support for field \"fields\" is not implemented yet"}})
		}
		return mongotest.Reply(bson.D{{Key: "ok", Value: 1.0},
			{Key: "value", Value: bson.D{{Key: "path", Value: "/a"}, {Key: "created", Value: int64(5)}, {Key: "modified", Value: int64(6)}}}})
	}})
	set := func() {
		t.Helper()
		got := write(store, put("/a", `{"v":1}`)).await(t)
		require.NoError(t, got.err)
		require.Equal(t, `{"v":1}`, string(got.doc.Data))
		require.EqualValues(t, 5, got.doc.Created)
	}
	const headOnly = `{"data": {"$numberInt":"0"}}`
	set()
	require.Equal(t, []string{headOnly}, fields)
	able, fields = false, nil
	set()
	set()
	require.Equal(t, []string{headOnly, "", ""}, fields, "it is not asked for again")
	require.NoError(t, write(store, merge("/a", `{"v":1}`)).await(t).err)
	require.Equal(t, "", fields[3], "what others stored is needed")
}

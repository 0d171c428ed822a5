package mongo_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/happn-host/happn-host/datastore"
)

func document(path, data string) *datastore.Document {
	return &datastore.Document{Path: path, Data: []byte(data), Created: 1000, Modified: 2000, ModifiedBy: "bob", Tag: "first"}
}

func TestHostsThatImportTheSamePathsAtOnceMakeOneDocumentOfEach(t *testing.T) {
	c, o := collection(t)
	const n = 60
	var hosts sync.WaitGroup
	for range 3 {
		store := open(t, o)
		defer store.Close()
		hosts.Go(func() {
			for i := 0; i < n; i += 5 {
				var docs []*datastore.Document
				for k := i; k < i+5; k++ {
					docs = append(docs, document(fmt.Sprintf("/race/%03d", k), `{}`))
				}
				assert.NoError(t, store.Import(context.Background(), docs))
			}
		})
	}
	hosts.Wait()
	count, err := c.CountDocuments(context.Background(), bson.D{})
	require.NoError(t, err)
	require.EqualValues(t, n, count)
}

func TestAnImportedDocumentKeepsItsIDAndHasTheLayoutOfHappn(t *testing.T) {
	c, o := collection(t)
	ctx := context.Background()
	_, err := c.InsertOne(ctx, bson.D{{Key: "_id", Value: "mine"}, {Key: "path", Value: "/a"}, {Key: "other", Value: 1}})
	require.NoError(t, err)
	store := open(t, o)
	defer store.Close()
	require.NoError(t, store.Import(ctx, []*datastore.Document{document("/a", `{"n":5}`), document("/b", `{}`)}))
	var got bson.D
	require.NoError(t, c.FindOne(ctx, bson.D{{Key: "path", Value: "/a"}}).Decode(&got))
	require.Equal(t, bson.D{
		{Key: "_id", Value: "mine"}, {Key: "path", Value: "/a"}, {Key: "data", Value: bson.D{{Key: "n", Value: int32(5)}}},
		{Key: "created", Value: int64(1000)}, {Key: "modified", Value: int64(2000)}, {Key: "modifiedBy", Value: "bob"}, {Key: "_tag", Value: "first"},
	}, got)
	var fresh struct {
		ID bson.ObjectID `bson:"_id"`
	}
	require.NoError(t, c.FindOne(ctx, bson.D{{Key: "path", Value: "/b"}}).Decode(&fresh))
	require.False(t, fresh.ID.IsZero())
}

func TestADocumentThatAnotherUniqueIndexRefusesIsNamed(t *testing.T) {
	c, o := collection(t)
	ctx := context.Background()
	_, err := c.Indexes().CreateOne(ctx, driver.IndexModel{
		Keys: bson.D{{Key: "modified", Value: 1}}, Options: options.Index().SetUnique(true)})
	require.NoError(t, err)
	store := open(t, o)
	defer store.Close()
	require.NoError(t, store.Import(ctx, []*datastore.Document{{Path: "/a", Data: []byte(`{}`), Modified: 1}}))
	err = store.Import(ctx, []*datastore.Document{
		{Path: "/b", Data: []byte(`{}`), Modified: 2}, {Path: "/c", Data: []byte(`{}`), Modified: 1},
	})
	one := new(datastore.BatchError)
	require.ErrorAs(t, err, &one)
	require.ErrorIs(t, err, datastore.ErrDuplicate)
	require.Equal(t, [2]any{1, "/c"}, [2]any{one.Place, one.Path})
}

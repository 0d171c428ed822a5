package plugins

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/client"
)

const (
	fulltextConfig = `
permissions: {/articles/*: {actions: [get, "on"], prohibit: []}, /articles/secret: {prohibit: [get]}}
hooks: [{kind: event, paths: [/articles/*]}]
limits: {timeout: 5s, startTimeout: 1m, instances: 1, memoryMiB: 160, hostCalls: 1000000}
config: {paths: [/articles/*], fields: {title: 2, body: 1}}
`
	geoConfig = `
permissions: {/articles/*: {actions: [get]}}
limits: {timeout: 5s}
`
)

// What two plugins work out together, from a module in a folder to an answer on a
// websocket.
func TestPluginsTakePartInSearches(t *testing.T) {
	o := start(t)
	ctx := t.Context()
	c := o.connect()
	set := func(path, title string, at ...float64) {
		t.Helper()
		_, err := c.Set(ctx, path, map[string]any{"title": title, "at": at}, nil)
		require.NoError(t, err)
	}
	find := func(criteria map[string]any, q client.Query) (string, error) {
		q.Criteria = criteria
		docs, err := c.GetAll(ctx, "/articles/*", &q)
		var paths []string
		for _, d := range docs {
			paths = append(paths, strings.TrimPrefix(d.Meta.Path, "/articles/"))
		}
		return strings.Join(paths, " "), err
	}
	harbour := map[string]any{"$search": map[string]any{"fulltext": "harbour"}}
	near := map[string]any{"$near": map[string]any{"point": []float64{18.4, -33.9}, "maxDistance": 20000}}

	set("/articles/old", "An old harbour", 18.5, -33.9)
	_, err := find(harbour, client.Query{})
	require.ErrorContains(t, err, "unknown operator $search")

	o.drop("fulltext.yaml", []byte(fulltextConfig))
	o.dropModule("fulltext")
	o.drop("geo.yaml", []byte(geoConfig))
	o.dropModule("geo")
	o.await(is("fulltext", "ready"))
	o.await(is("geo", "ready"))
	found, err := find(harbour, client.Query{})
	require.NoError(t, err)
	assert.Equal(t, "old", found, "what was there before the plugin")

	set("/articles/new", "Harbour, harbour!", 18.41, -33.9)
	set("/articles/far", "Harbour", -3, 53)
	set("/articles/secret", "harbour", 18.4, -33.9)
	require.Eventually(t, func() bool {
		found, err = find(harbour, client.Query{})
		return err == nil && found == "new far old"
	}, 20*time.Second, 10*time.Millisecond, "events bring the index up to date")

	found, err = find(map[string]any{"at": near}, client.Query{})
	require.NoError(t, err)
	assert.Equal(t, "secret new old", found, "the nearest first")
	found, err = find(map[string]any{"at": near, "$search": harbour["$search"]}, client.Query{})
	require.NoError(t, err)
	assert.Equal(t, "new old", found, "what both let through, in the order of the query")
	found, err = find(map[string]any{"at": near}, client.Query{Sort: []client.Order{{Field: "title"}}, Limit: 1, Skip: 1})
	require.NoError(t, err)
	assert.Equal(t, "new", found)
	_, err = find(map[string]any{"at": map[string]any{"$near": 1}}, client.Query{})
	require.ErrorContains(t, err, "$near: needs a point")
	n, err := c.Count(ctx, "/articles/*", &client.Query{Criteria: harbour})
	require.NoError(t, err)
	assert.EqualValues(t, 3, n)
}

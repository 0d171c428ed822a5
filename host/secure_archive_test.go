package host_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/client"
	"github.com/happn-host/happn-host/host"
	"github.com/happn-host/happn-host/host/config"
	"github.com/happn-host/happn-host/security/directory"
)

// archived is a guarded host with an archive of two documents of bob's desk,
// one of which is prohibited to him, and of one elsewhere.
func archived(t *testing.T) (*host.Host, int64) {
	t.Helper()
	h := guarded(t, func(c *config.Config) { c.Data.Dir, c.Data.Durability = t.TempDir(), "async" })
	ctx := t.Context()
	admin, err := h.LocalClient(ctx, client.Options{})
	require.NoError(t, err)
	defer admin.Close()
	for _, path := range []string{"/desk/1", "/desk/secret", "/else/1"} {
		_, err := admin.Set(ctx, path, map[string]string{"at": path}, nil)
		require.NoError(t, err)
	}
	a, err := h.Archive(ctx, "", "")
	require.NoError(t, err)
	require.Equal(t, int64(3), int64(a.Documents), "users and groups stay")
	return h, a.ID
}

func TestAnArchiveIsReadWithinThePermissions(t *testing.T) {
	h, id := archived(t)
	ctx, from := t.Context(), &client.Query{Archive: id}
	b := bob(t, h)
	doc, err := b.Get(ctx, "/desk/1", from)
	require.NoError(t, err)
	require.NotNil(t, doc)
	for _, path := range []string{"/desk/secret", "/else/1", "/_SYSTEM/_SECURITY/_USER/bob"} {
		_, err := b.Get(ctx, path, from)
		assert.Equal(t, 403, code(err), path)
	}
	for _, pattern := range []string{"*", "/else/*", "/_SYSTEM/*"} {
		_, err := b.GetAll(ctx, pattern, from)
		assert.Equal(t, 403, code(err), pattern)
		_, err = b.Count(ctx, pattern, from)
		assert.Equal(t, 403, code(err), pattern)
	}
	docs, err := b.GetAll(ctx, "/desk/*", from)
	require.NoError(t, err)
	require.Len(t, docs, 1, "the secret is left out")
	assert.Equal(t, "/desk/1", docs[0].Meta.Path)
	n, err := b.Count(ctx, "/desk/*", from)
	require.NoError(t, err)
	assert.EqualValues(t, 1, n)
	docs, err = b.GetAll(ctx, "/desk/*", nil)
	require.NoError(t, err)
	assert.Empty(t, docs, "the store has nothing left")
}

// Pipelines and initial values read the archive by other ways than a search.
func TestNoOtherWayIntoAnArchiveIsWider(t *testing.T) {
	h, id := archived(t)
	s := secureWire(t, h, "bob", "pwd")
	archive := `"options":{"archiveId":` + strconv.FormatInt(id, 10) + `}`
	for name, request := range map[string]string{
		"a pipeline":                  `{"action":"get","path":"/desk/*","options":{"aggregate":[{"$match":{}}],` + archive + `}}`,
		"a lookup of a pipeline":      `{"action":"get","path":"/desk/*","options":{"aggregate":[{"$lookup":{"from":"/desk/*","as":"all","localField":"x","foreignField":"x"}}],` + archive + `}}`,
		"a lookup of what is not his": `{"action":"get","path":"/desk/*","options":{"aggregate":[{"$lookup":{"from":"/else/*","as":"all","localField":"x","foreignField":"x"}}],` + archive + `}}`,
		"initial values":              `{"action":"on","path":"/ALL@/desk/*","options":{"initialCallback":true,` + archive + `}}`,
		"criteria that guess":         `{"action":"get","path":"/desk/*","options":{"criteria":{"at":"/desk/secret"},` + archive + `}}`,
		"a count of the guesses":      `{"action":"count","path":"/desk/*","options":{"criteria":{"at":"/desk/secret"},` + archive + `}}`,
		"an explained search":         `{"action":"get","path":"/desk/*","options":{"explain":true,` + archive + `}}`,
	} {
		answer := s.ask(request)
		assert.NotContains(t, answer, `"at":"/desk/secret"`, name)
		assert.NotContains(t, answer, `/else/1`, name)
		assert.NotContains(t, answer, `"value":1}`, name)
	}
	for name, request := range map[string]string{
		"a write into it": `{"action":"set","path":"/desk/1","data":{},` + archive + `}`,
		"a remove in it":  `{"action":"remove","path":"/desk/*","options":{` + archive + `}}`,
	} {
		assert.Contains(t, s.ask(request), `"status":"error"`, name)
	}
}

func TestTheListOfArchivesIsForThoseWhoMayReadEverything(t *testing.T) {
	h, _ := archived(t)
	const all = `{"action":"get","path":"*","options":{"options":{"queryArchiveCollection":true}}}`
	s := secureWire(t, h, "bob", "pwd")
	assert.Contains(t, s.ask(all), `"code":403`)
	answer := s.ask(strings.Replace(all, `"*"`, `"/desk/*"`, 1))
	assert.NotContains(t, answer, `"archive"`, "no archive has a path below his")
	_, err := h.Directory().UpsertPermission(t.Context(), directory.UserOf("bob"), "*", "get", true)
	require.NoError(t, err)
	assert.Contains(t, s.ask(all), `"archive":"archive `)
}

func TestABulkWriteNeedsThePermissionOfEachDocument(t *testing.T) {
	h := guarded(t, nil)
	ctx := t.Context()
	_, err := h.Directory().UpsertPermission(ctx, directory.UserOf("bob"), "/desk", "set", true)
	require.NoError(t, err)
	b := bob(t, h)
	entries := func(paths ...string) (list []client.Entry) {
		for _, path := range paths {
			list = append(list, client.Entry{Path: path, Data: map[string]int{"v": 1}})
		}
		return list
	}
	n, err := b.SetAll(ctx, "/desk", entries("/desk/1", "/desk/2"), nil)
	require.NoError(t, err)
	assert.Equal(t, 2, n)
	for name, c := range map[string]struct {
		base  string
		paths []string
	}{
		"one prohibited among others":  {"/desk", []string{"/desk/3", "/desk/secret"}},
		"one elsewhere":                {"/desk", []string{"/desk/3", "/else/3"}},
		"a base that is not permitted": {"/", []string{"/desk/3"}},
		"the host's own":               {"/", []string{"/_SYSTEM/_SECURITY/_USER/bob"}},
	} {
		_, err := b.SetAll(ctx, c.base, entries(c.paths...), nil)
		assert.Error(t, err, name)
	}
	docs, err := b.GetAll(ctx, "/desk/*", nil)
	require.NoError(t, err)
	assert.Len(t, docs, 2, "all or none")
	for _, doc := range docs {
		assert.Equal(t, "bob", doc.Meta.ModifiedBy)
	}
}

// A subscriber hears of a bulk write what it may hear of.
func TestABulkWriteIsToldDocumentByDocument(t *testing.T) {
	h := guarded(t, nil)
	ctx := t.Context()
	heard := make(chan string, 8)
	b := bob(t, h)
	_, err := b.On(ctx, "/desk/*", hearing(heard), nil)
	require.NoError(t, err)
	admin, err := h.LocalClient(ctx, client.Options{})
	require.NoError(t, err)
	defer admin.Close()
	_, err = admin.SetAll(ctx, "/desk", []client.Entry{{Path: "/desk/secret", Data: 1}, {Path: "/desk/open", Data: 2}}, nil)
	require.NoError(t, err)
	_, err = admin.Set(ctx, "/desk/last", 3, nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"/desk/open", "/desk/last"}, []string{<-heard, <-heard})
}

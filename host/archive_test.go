package host_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/memory"
	"github.com/happn-host/happn-host/host"
	"github.com/happn-host/happn-host/host/config"
)

// startOn starts a host on a store of the embedder's.
func startOn(t *testing.T, store datastore.Store) *host.Host {
	t.Helper()
	c := config.Default()
	c.Host, c.Port, c.Plugins.Dir = "127.0.0.1", 0, ""
	h, err := host.New(host.Options{Config: c, Store: store})
	require.NoError(t, err)
	t.Cleanup(func() { stop(t, h) })
	require.NoError(t, h.Start(context.Background()))
	return h
}

func TestAnEmbeddersStoreIsArchivedToo(t *testing.T) {
	store, err := memory.Open(memory.Options{Dir: t.TempDir()})
	require.NoError(t, err)
	h := startOn(t, store)
	a, err := h.Archive(context.Background(), "", "")
	require.NoError(t, err)
	require.Zero(t, a.Documents, "the host's own documents stay")
	all, err := h.Archives(context.Background())
	require.NoError(t, err)
	require.Equal(t, []host.StoreArchive{a}, all)
	require.NoError(t, h.Compact(context.Background(), ""))
	require.NoError(t, h.DropArchive(context.Background(), a.ID))
	require.ErrorIs(t, h.DropArchive(context.Background(), a.ID), datastore.ErrNoArchive)
	_, err = h.BackupArchive(context.Background(), a.ID, nil)
	require.ErrorIs(t, err, datastore.ErrNoArchive)
	_, err = h.Archive(context.Background(), "nope", "")
	require.ErrorIs(t, err, host.ErrNoSuchStore)
}

func TestAStoreThatCannotArchiveSaysSo(t *testing.T) {
	store, err := memory.Open(memory.Options{Durability: memory.DurabilityNone})
	require.NoError(t, err)
	h := startOn(t, struct{ datastore.Store }{store})
	_, err = h.Archive(context.Background(), "", "")
	require.ErrorIs(t, err, host.ErrNoArchives)
	require.ErrorIs(t, h.Compact(context.Background(), ""), host.ErrNoCompaction)
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{http.MethodPost, "/api/v1/archive", 501},
		{http.MethodPost, "/api/v1/compact", 501},
		{http.MethodGet, "/api/v1/archive", 200},
		{http.MethodDelete, "/api/v1/archive", 400},
		{http.MethodDelete, "/api/v1/archive?id=1", 404},
		{http.MethodPut, "/api/v1/archive", 405},
		{http.MethodGet, "/api/v1/compact", 405},
	} {
		r, err := http.NewRequest(c.method, "http://"+h.Addr().String()+c.path, nil)
		require.NoError(t, err)
		for _, page := range []string{"", "http://localhost"} {
			want := c.status
			if page != "" && want != 405 {
				want = 403
			}
			r.Header.Del("Origin")
			if page != "" {
				r.Header.Set("Origin", page)
			}
			resp, err := http.DefaultTransport.RoundTrip(r)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			require.Equal(t, want, resp.StatusCode, "%s %s from %q", c.method, c.path, page)
		}
	}
}

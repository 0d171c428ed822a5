package host_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/memory"
	"github.com/happn-host/happn-host/host"
	"github.com/happn-host/happn-host/host/config"
)

// copied is a store whose backup is whatever the test says.
type copied struct {
	datastore.Store
	backup func(ctx context.Context, w io.Writer) error
}

func (c *copied) Backup(ctx context.Context, w io.Writer) (datastore.Snapshot, error) {
	return datastore.Snapshot{Documents: 7}, c.backup(ctx, w)
}

// startCopied starts a host on such a store.
func startCopied(t *testing.T, address string, backup func(ctx context.Context, w io.Writer) error) *host.Host {
	t.Helper()
	store, err := memory.Open(memory.Options{Durability: memory.DurabilityNone})
	require.NoError(t, err)
	c := config.Default()
	c.Host, c.Port, c.Plugins.Dir, c.Data.Dir, c.Data.Durability = address, 0, "", "", "none"
	h, err := host.New(host.Options{Config: c, Store: &copied{store, backup}})
	require.NoError(t, err)
	t.Cleanup(func() { stop(t, h) })
	require.NoError(t, h.Start(context.Background()))
	return h
}

// ask sends a request for a backup. The caller closes the body.
func ask(t *testing.T, h *host.Host, change func(*http.Request)) *http.Response {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, "http://"+h.Addr().String()+"/api/v1/backup", nil)
	require.NoError(t, err)
	if change != nil {
		change(r)
	}
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := c.Do(r)
	require.NoError(t, err)
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

func TestABackupIsStreamedWithItsSnapshotAtTheEnd(t *testing.T) {
	h := startCopied(t, "127.0.0.1", func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, "all documents")
		return err
	})
	resp := ask(t, h, nil)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, "all documents", string(body))
	require.Equal(t, 200, resp.StatusCode)
	require.Contains(t, resp.Trailer.Get(host.SnapshotTrailer), `"Documents":7`)
}

func TestABackupThatFailsHalfwayBreaksOff(t *testing.T) {
	h := startCopied(t, "127.0.0.1", func(_ context.Context, w io.Writer) error {
		_, _ = w.Write(make([]byte, 1<<20))
		return errors.New("no more")
	})
	_, err := io.ReadAll(ask(t, h, nil).Body)
	require.Error(t, err)
}

func TestABackupThatFailsAtOnceSaysWhy(t *testing.T) {
	h := startCopied(t, "127.0.0.1", func(context.Context, io.Writer) error { return errors.New("no disk") })
	resp := ask(t, h, nil)
	body, _ := io.ReadAll(resp.Body)
	require.Equal(t, 503, resp.StatusCode)
	require.Contains(t, string(body), "no disk")
}

func TestOnlyTheMachineItselfMayAskForABackup(t *testing.T) {
	backup := func(_ context.Context, w io.Writer) error { _, err := io.WriteString(w, "x"); return err }
	h := startCopied(t, "127.0.0.1", backup)
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for name, tc := range map[string]struct {
		change func(*http.Request)
		want   int
	}{
		"by address":         {nil, 200},
		"by name":            {func(r *http.Request) { r.Host = "localhost:1" }, 200},
		"by another method":  {func(r *http.Request) { r.Method = http.MethodGet }, 405},
		"by another name":    {func(r *http.Request) { r.Host = "rebound.example:55000" }, 403},
		"from a web page":    {header("Origin", "http://127.0.0.1:55000"), 403},
		"through a proxy":    {header("X-Forwarded-For", "192.0.2.1"), 403},
		"of an unknown name": {func(r *http.Request) { r.URL.RawQuery = "store=nope" }, 404},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tc.want, ask(t, h, tc.change).StatusCode)
		})
	}
	t.Run("of a host that listens on every address", func(t *testing.T) {
		h := startCopied(t, "0.0.0.0", backup)
		require.Equal(t, 403, ask(t, h, func(r *http.Request) { r.Host = "127.0.0.1" }).StatusCode)
	})
}

func TestOneBackupAtATimeAndNoneHoldsUpAStop(t *testing.T) {
	begun, over := make(chan struct{}), make(chan error, 1)
	h := startCopied(t, "127.0.0.1", func(_ context.Context, w io.Writer) error {
		_, _ = w.Write(make([]byte, 1<<16)) // enough for the answer to begin
		close(begun)
		for { // the peer does not read
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				over <- err
				return err
			}
		}
	})
	stuck, err := net.Dial("tcp", h.Addr().String())
	require.NoError(t, err)
	defer stuck.Close()
	_, err = io.WriteString(stuck, "POST /api/v1/backup HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
	require.NoError(t, err)
	<-begun
	require.Equal(t, 409, ask(t, h, nil).StatusCode)
	started := time.Now()
	stop(t, h)
	require.Error(t, <-over)
	require.Less(t, time.Since(started), 5*time.Second)
}

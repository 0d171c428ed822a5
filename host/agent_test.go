package host_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/client"
	"github.com/happn-host/happn-host/host"
	"github.com/happn-host/happn-host/host/config"
	"github.com/happn-host/happn-host/host/pipeline"
)

// below are rights to everything that begins with one of the prefixes.
type below []string

func (b below) MayAsk(_ abi.Action, pattern []byte) bool {
	for _, prefix := range b {
		if strings.HasPrefix(string(pattern), prefix) {
			return true
		}
	}
	return false
}

func (below) Picks(abi.Action, []byte) bool { return false }

// agentOf opens an agent with its subscription to what happens at its desk.
func agentOf(t *testing.T, h *host.Host, rights below) (*pipeline.Agent, <-chan string) {
	t.Helper()
	heard := make(chan string, 100)
	a := h.Pipeline().OpenAgent(pipeline.AgentOptions{
		Name: "plugin:test", Rights: rights, Deliver: func(rec *abi.Record) { heard <- string(rec.Path) },
	})
	t.Cleanup(a.Close)
	_, err := a.On("/ALL@/desk/*", nil)
	require.NoError(t, err)
	return a, heard
}

func heardOf(t *testing.T, heard <-chan string) string {
	t.Helper()
	select {
	case path := <-heard:
		return path
	case <-time.After(10 * time.Second):
		require.FailNow(t, "nothing was heard")
		return ""
	}
}

func TestAnAgentAndClientsShareTheHost(t *testing.T) {
	for name, h := range map[string]*host.Host{"without access control": start(t, nil), "with access control": guarded(t, nil)} {
		t.Run(name, func(t *testing.T) {
			o := client.Options{}
			if h.Directory() != nil {
				o = client.Options{Username: "bob", Password: "pwd"}
			}
			c, ctx := loggedIn(t, h, o), t.Context()
			a, heard := agentOf(t, h, below{"/desk/", "/plugin/"})
			events := make(chan client.Publication, 10)
			_, err := c.On(ctx, "/desk/*", func(_ context.Context, p client.Publication) { events <- p }, nil)
			require.NoError(t, err)

			_, err = c.Set(ctx, "/desk/1", map[string]int{"n": 1}, nil)
			require.NoError(t, err)
			assert.Equal(t, "/desk/1", heardOf(t, heard))
			<-events
			item, err := a.Get(ctx, []byte("/desk/1"), nil)
			require.NoError(t, err)
			assert.JSONEq(t, `{"n":1}`, string(item.Data))
			require.NoError(t, a.Set(ctx, []byte("/desk/2"), []byte(`{"n":2}`), nil))
			assert.Equal(t, "/desk/2", (<-events).Meta.Path)
			assert.Equal(t, "/desk/2", heardOf(t, heard))
			require.ErrorIs(t, a.Set(ctx, []byte("/other"), []byte(`{}`), nil), pipeline.ErrDenied)
			if h.Directory() != nil {
				require.NoError(t, a.Set(ctx, []byte("/desk/secret"), []byte(`{}`), nil)) // bob may not hear of it
				assert.Equal(t, "/desk/secret", heardOf(t, heard))
				require.NoError(t, a.Set(ctx, []byte("/desk/3"), []byte(`{}`), nil))
				assert.Equal(t, "/desk/3", (<-events).Meta.Path)
			}
			assert.Equal(t, 1, h.Health(ctx).Sessions, "it is no client")
		})
	}
}

func TestAnAgentOutlivesWhatEndsSessions(t *testing.T) {
	h := guarded(t, func(c *config.Config) { c.Security.LoginTimeout = 100 * time.Millisecond })
	a, heard := agentOf(t, h, below{"/desk/"})
	stranger, err := rawDial(h, http.Header{})
	require.NoError(t, err)
	defer stranger.Close()
	_, _, err = stranger.ReadMessage()
	require.Error(t, err, "who does not log in is closed")

	admin := httpLogin(t, h, "_ADMIN", adminPassword)
	_, list := httpDo(t, h, "GET", "/api/v1/sessions", admin, "")
	assert.Contains(t, list, `"endpoint":"plugin:test"`)
	assert.Contains(t, list, `"username":"plugin:test"`)
	status, body := httpDo(t, h, "DELETE", "/api/v1/sessions/"+a.Session().ID, admin, "")
	assert.Equal(t, 409, status, body)
	_, err = h.Directory().UpsertGroup(t.Context(), []byte(`{"name":"staff","permissions":{"/desk/*":{"actions":["set"]}}}`), "", true)
	require.NoError(t, err)
	h.Pipeline().Reconsider(a.Session())
	_, err = bob(t, h).Set(t.Context(), "/desk/1", map[string]int{}, nil)
	require.NoError(t, err)
	assert.Equal(t, "/desk/1", heardOf(t, heard))
}

// The directory takes in what an agent writes among its documents, as it does
// with a client's, before the agent's call returns.
func TestTheDirectoryTakesInWhatAnAgentWrites(t *testing.T) {
	h := guarded(t, nil)
	link := []byte("/_SYSTEM/_SECURITY/_USER/bob/_USER_GROUP/staff")
	c := bob(t, h)
	_, err := c.Set(t.Context(), "/desk/1", map[string]int{}, nil)
	require.NoError(t, err)
	a, _ := agentOf(t, h, below{"/desk/"})
	_, err = a.Remove(t.Context(), link, nil)
	require.ErrorIs(t, err, pipeline.ErrDenied)
	trusted, _ := agentOf(t, h, below{"/desk/", "/_SYSTEM/_SECURITY/_USER/"})
	n, err := trusted.Remove(t.Context(), link, nil)
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	_, err = c.Get(t.Context(), "/desk/1", nil)
	assert.Equal(t, 403, code(err))
}

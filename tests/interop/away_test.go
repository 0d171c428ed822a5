package interop

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/client"
	"github.com/happn-host/happn-host/tests/testhost"
	"github.com/happn-host/happn-host/tests/testhost/replica"
)

// awayRequests are those that need the store, each in its own way.
var awayRequests = map[string]func(ctx context.Context, c *client.Client) error{
	"get": func(ctx context.Context, c *client.Client) error {
		_, err := c.Get(ctx, "/kept", nil)
		return err
	},
	"search": func(ctx context.Context, c *client.Client) error {
		_, err := c.GetAll(ctx, "/*", &client.Query{Criteria: map[string]int{"n": 1}})
		return err
	},
	"count": func(ctx context.Context, c *client.Client) error {
		_, err := c.Count(ctx, "/*", nil)
		return err
	},
	"set": func(ctx context.Context, c *client.Client) error {
		_, err := c.Set(ctx, "/refused", map[string]int{"n": 2}, nil)
		return err
	},
	"merge": func(ctx context.Context, c *client.Client) error {
		_, err := c.Set(ctx, "/refused", map[string]int{"n": 2}, &client.SetOptions{Merge: true})
		return err
	},
	"increment": func(ctx context.Context, c *client.Client) error {
		_, err := c.Increment(ctx, "/refused", "gauge", 1, nil)
		return err
	},
	"remove": func(ctx context.Context, c *client.Client) error {
		_, err := c.Remove(ctx, "/refused", nil)
		return err
	},
	"remove many": func(ctx context.Context, c *client.Client) error {
		_, err := c.Remove(ctx, "/refused/*", nil)
		return err
	},
}

// awayHost is a host whose MongoDB comes and goes.
type awayHost struct {
	*testing.T
	server *testhost.Server
	proxy  *testhost.FaultProxy
	port   string // of its MongoDB, which no client may hear of
}

func startAwayHost(t *testing.T, database string, args ...string) *awayHost {
	t.Helper()
	uri, _ := testhost.MongoFor(t)
	member := replica.MemberOf(t, uri)
	proxy := testhost.StartFaultProxy(t, member.Address)
	u, err := url.Parse(member.Through(proxy.Addr()))
	require.NoError(t, err)
	query := u.Query()
	query.Set("serverSelectionTimeoutMS", "500") // how long requests wait for one that has gone
	u.RawQuery = query.Encode()
	server := testhost.Start(t, testhost.Settings{Args: append(onMongo(t, u.String(), database), args...)})
	return &awayHost{t, server, proxy, u.Port()}
}

// ready returns what /readyz answers.
func (h *awayHost) ready() (status int, body string) {
	resp, err := http.Get(h.server.URL() + "/readyz")
	if err != nil {
		return 0, ""
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text)
}

// becomes waits until the host says that it is ready, or not, and returns what
// else it says.
func (h *awayHost) becomes(status int) (body string) {
	h.Helper()
	require.Eventually(h, func() bool {
		var now int
		now, body = h.ready()
		return now == status
	}, 30*time.Second, 50*time.Millisecond)
	return body
}

func (h *awayHost) connect(o client.Options) *client.Client {
	h.Helper()
	o.URL = "ws://" + h.server.Addr()
	c, err := client.Connect(h.Context(), o)
	require.NoError(h, err)
	h.Cleanup(func() { _ = c.Close() })
	return c
}

// shown checks that an error is for clients.
func (h *awayHost) shown(name string, err error) {
	h.Helper()
	var shown *client.Error
	if assert.ErrorAs(h, err, &shown, name) {
		assert.NotContains(h, shown.Message+shown.Reason, h.port, name)
		assert.NotContains(h, shown.Message+shown.Reason, "127.0.0.1", name)
	}
}

// While the server is away the host says so, to clients and to who asks whether
// it is ready, and it goes on by itself when the server is back.
func TestAHostWhoseMongoDBIsAwayIsNotReadyUntilItIsBack(t *testing.T) {
	if testhost.Reference() {
		t.Skip("the reference server has no /readyz")
	}
	h := startAwayHost(t, "away")
	c := h.connect(client.Options{})
	ctx := t.Context()
	_, err := c.Set(ctx, "/kept", map[string]int{"n": 1}, nil)
	require.NoError(t, err)
	h.becomes(http.StatusOK)

	h.proxy.Set(testhost.Gone)
	require.Contains(t, h.becomes(http.StatusServiceUnavailable), h.port, "the operator is told which server")
	for round := range 2 { // at first they wait for the server, and then they do not
		for name, request := range awayRequests {
			err := request(ctx, c)
			h.shown(name, err)
			var shown *client.Error
			if round > 0 && errors.As(err, &shown) {
				assert.Equal(t, "SystemError", shown.Name, name)
				assert.Contains(t, shown.Message, "MongoDB server cannot be reached", name)
			}
		}
	}
	require.Contains(t, h.server.Output(), h.port, "the log says which server")

	h.proxy.Set(testhost.Fine)
	h.becomes(http.StatusOK)
	_, err = c.Set(ctx, "/later", map[string]int{"n": 3}, nil)
	require.NoError(t, err)
	doc, err := c.Get(ctx, "/kept", nil)
	require.NoError(t, err)
	require.NotNil(t, doc)
}

// On a secure host everybody may ask whether it is ready, so that says no more
// than the errors of clients do.
func TestASecureHostTellsNobodyWhereItsMongoDBIs(t *testing.T) {
	if testhost.Reference() {
		t.Skip("the reference server has no /readyz")
	}
	h := startAwayHost(t, "away_secure", "--secure=true", "--security.adminPassword="+adminPassword,
		"--security.adminOverNetwork=true", "--security.password.pbkdf2Iterations=1000")
	admin := client.Options{Username: "_ADMIN", Password: adminPassword}
	c := h.connect(admin)
	h.proxy.Set(testhost.Gone)
	require.JSONEq(t, `{"status":"failing"}`, h.becomes(http.StatusServiceUnavailable))
	ctx := t.Context()
	for name, request := range awayRequests {
		h.shown(name, request(ctx, c))
	}
	h.shown("revocation of a token", c.RevokeToken(ctx))
	admin.URL = "ws://" + h.server.Addr()
	for _, password := range []string{adminPassword, "wrong"} {
		admin.Password = password
		if again, err := client.Connect(ctx, admin); err == nil {
			require.NoError(t, again.Close())
		} else {
			h.shown("login", err)
		}
	}
	for _, path := range []string{"/auth/login?username=_ADMIN&password=wrong", "/healthz"} {
		resp, err := http.Get(h.server.URL() + path)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.NotContains(t, string(body), h.port, path)
	}
}

package host_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/client"
	"github.com/happn-host/happn-host/host"
	"github.com/happn-host/happn-host/host/config"
)

// exchange is a line of testdata/recorded-http.jsonl: a request over HTTP, and
// what happn-3 13.12.1 answered. Headers of time and connection are left out, and
// so are bodies that are scripts or stack traces.
type exchange struct {
	Method, Path, Body string
	Headers            map[string]string
	Answer             struct {
		Status       int
		Reason, Body string
		Headers      map[string]string
		Left         string // what the body that was left out is
	}
}

// unlike is what the host answers on purpose in place of what was recorded. Empty
// members are as recorded.
type unlike struct {
	id      string // the heading in docs/differences.md
	status  int
	headers map[string]string // in place of all
	body    string            // a regular expression
}

// unlikes are the differences, by line of the recording.
var unlikes = map[int]unlike{
	1: newerVersion, 2: newerVersion, 21: newerVersion, 22: newerVersion,
	5: noBrowserClient, 6: noBrowserClient, 7: noBrowserClient, 8: noBrowserClient, 24: noBrowserClient,
	18: {id: "A request's body is the route's", status: 200, headers: map[string]string{"content-type": "application/json"}, body: `^{"hello":1}$`},
	// This test is on the host's own machine, which is not the network.
	56: {id: "Where a login comes from is not the client's word", status: 200, body: `^{"message":"login successful"`},
}

var (
	newerVersion    = unlike{id: "The version says more", body: `^{"server":"happn-host","serverVersion":"test","version":"13.12.1"}\s*$`}
	noBrowserClient = unlike{id: "The client for web pages comes from its package", status: 404,
		headers: map[string]string{"content-type": "text/plain; charset=utf-8"}, body: "http.browserClient"}
)

// ofApplication tells the body of a route of the embedding program, which only
// says that the request reached it.
func ofApplication(body string) bool { return strings.HasPrefix(body, `{"hello":1`) }

// The recorded servers, by the first and the last line.
var recordedServers = []struct {
	name        string
	first, last int
	start       func(*testing.T) *host.Host
}{
	{"without access control", 1, 21, func(t *testing.T) *host.Host { return routed(t, nil) }},
	{"with access control", 22, 54, func(t *testing.T) *host.Host {
		return routed(t, func(c *config.Config) {
			c.Secure, c.Security.AdminPassword = true, adminPassword
			c.Security.AllowLogoutOverHTTP, c.Security.Lockout.Attempts = true, 3
			c.Web.Exclusions = []string{"/open/*", "/"}
		})
	}},
	{"with other settings", 55, 58, func(t *testing.T) *host.Host {
		return routed(t, func(c *config.Config) {
			c.Secure, c.Security.AdminPassword, c.Security.AllowDefaultPassword = true, "happn", true
			c.Security.Cookie.Name = "mycookie"
		})
	}},
}

// routed starts a host with the routes of the recorded application.
func routed(t *testing.T, change func(*config.Config)) *host.Host {
	t.Helper()
	h := open(t, func(c *config.Config) {
		c.Name, c.Security.Password.PBKDF2Iterations = "server1", 1000
		if change != nil {
			change(c)
		}
	})
	patterns := []string{"/my/route", "/open/", "/wild/"}
	if h.Directory() != nil {
		patterns = append(patterns, "/{$}")
	}
	for _, pattern := range patterns {
		h.Handle(pattern, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"hello":1}`)
		}))
	}
	require.NoError(t, h.Start(t.Context()))
	return h
}

func readExchanges(t *testing.T) []exchange {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "recorded-http.jsonl"))
	require.NoError(t, err)
	defer f.Close()
	var all []exchange
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var e exchange
		require.NoError(t, json.Unmarshal(lines.Bytes(), &e))
		all = append(all, e)
	}
	require.NoError(t, lines.Err())
	return all
}

func TestHTTPIsAnsweredAsRecorded(t *testing.T) {
	all := readExchanges(t)
	require.Len(t, all, recordedServers[len(recordedServers)-1].last)
	for _, server := range recordedServers {
		t.Run(server.name, func(t *testing.T) {
			h := server.start(t)
			r := &rehearsal{t: t, host: h, tokens: map[string]string{}}
			if server.first > 1 {
				r.makeBob(server.last < len(all))
			}
			for n := server.first; n <= server.last; n++ {
				r.play(n, all[n-1])
			}
		})
	}
}

func TestDifferencesOverHTTPAreExplained(t *testing.T) {
	all := readExchanges(t)
	text, err := os.ReadFile(filepath.Join("..", "docs", "differences.md"))
	require.NoError(t, err)
	for n, u := range unlikes {
		assert.Contains(t, string(text), "### "+u.id+"\n", "line %d", n)
		recorded := all[n-1].Answer
		assert.False(t, (u.status == 0 || u.status == recorded.Status) && (u.body == "" || regexp.MustCompile(u.body).MatchString(recorded.Body)),
			"line %d is as recorded", n)
	}
}

// rehearsal is one run of a part of the recording.
type rehearsal struct {
	t      *testing.T
	host   *host.Host
	tokens map[string]string // recorded -> of this run
}

func (r *rehearsal) makeBob(permitted bool) {
	r.t.Helper()
	d, ctx := r.host.Directory(), r.t.Context()
	permissions := `{}`
	if permitted {
		permissions = `{"/@HTTP/my/route":{"actions":["get"]},"/@HTTP/wild/*":{"actions":["put"]}}`
	}
	_, err := d.UpsertUser(ctx, []byte(`{"username":"bob","password":"pwd","permissions":`+permissions+`}`), true)
	require.NoError(r.t, err)
}

var (
	tokenInText = regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.[\w-]+`)
	tokenOrKey  = regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.[\w-]+|[A-Za-z0-9+/]{43}=`)
)

// live puts this run's tokens in place of the recorded ones. One that no recorded
// login gave was made by a login over a websocket.
func (r *rehearsal) live(text string) string {
	r.t.Helper()
	return tokenInText.ReplaceAllStringFunc(text, func(recorded string) string {
		if r.tokens[recorded] == "" {
			c := loggedIn(r.t, r.host, client.Options{Username: "bob", Password: "pwd"})
			r.tokens[recorded] = c.Session().Token
		}
		return r.tokens[recorded]
	})
}

func (r *rehearsal) play(n int, e exchange) {
	r.t.Helper()
	what := fmt.Sprintf("line %d: %s %s", n, e.Method, tokenInText.ReplaceAllString(e.Path, "<token>"))
	request, err := http.NewRequest(e.Method, "http://"+r.host.Addr().String()+r.live(e.Path), strings.NewReader(e.Body))
	require.NoError(r.t, err)
	for name, value := range e.Headers {
		request.Header.Set(name, r.live(value))
	}
	plain := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := plain.Do(request)
	require.NoError(r.t, err, what)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(r.t, err, what)
	r.learn(e.Answer.Body, string(body))
	r.compare(what, e, unlikes[n], resp, string(body))
}

// learn pairs the token of an answer with the recorded one.
func (r *rehearsal) learn(recorded, body string) {
	if was, is := tokenInText.FindString(recorded), tokenInText.FindString(body); was != "" && is != "" {
		r.tokens[was] = is
	}
}

func (r *rehearsal) compare(what string, e exchange, u unlike, resp *http.Response, body string) {
	r.t.Helper()
	status, headers := e.Answer.Status, e.Answer.Headers
	if u.status != 0 {
		status = u.status
	}
	if u.headers != nil {
		headers = u.headers
	}
	assert.Equal(r.t, status, resp.StatusCode, "%s: %s", what, body)
	if status == e.Answer.Status {
		assert.Equal(r.t, fmt.Sprintf("%d %s", status, e.Answer.Reason), resp.Status, what)
	}
	for name, value := range headers {
		assert.Equal(r.t, strings.ToLower(value), strings.ToLower(resp.Header.Get(name)), "%s: header %s", what, name)
	}
	switch {
	case u.body != "":
		assert.Regexp(r.t, u.body, body, what)
	case ofApplication(e.Answer.Body):
		assert.Equal(r.t, `{"hello":1}`, body, what)
	case strings.HasPrefix(e.Answer.Body, "{"):
		assert.JSONEq(r.t, tokenOrKey.ReplaceAllString(e.Answer.Body, "#"), tokenOrKey.ReplaceAllString(body, "#"), what)
	case e.Answer.Left == "":
		assert.Equal(r.t, e.Answer.Body, body, what)
	}
}

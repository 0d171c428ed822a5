package web_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/config"
	"github.com/happn-host/happn-host/host/web"
)

// access knows bob, whose token is "t.o.k".
type access struct {
	logins  []web.Credentials
	revoked bool
	asked   []string
}

func (a *access) Login(_ context.Context, c web.Credentials) (string, error) {
	a.logins = append(a.logins, c)
	switch {
	case c.Token != "":
		return c.Token, nil
	case c.Username == "locked":
		return "", &web.LoginError{Name: "AccessDenied", Code: 403, Message: "Account locked out"}
	case c.Username == "_ADMIN":
		return "", &web.LoginError{Name: "AccessDenied", Code: 403, Message: "use of _ADMIN credentials over the network is disabled"}
	case c.Username == "broken":
		return "", errors.New("/secret/place: disk full")
	case c.Username == "bob" && c.Password == "pwd":
		return "t.o.k", nil
	}
	return "", &web.LoginError{Name: "AccessDenied", Code: 401, Message: "Invalid credentials"}
}

func (a *access) Nonce(string) (string, error) { return "nonce==", nil }

func (a *access) Verify(_ context.Context, token string) (web.Visitor, error) {
	switch token {
	case "t.o.k", "i.d.l":
		return visitor{a, token}, nil
	case "o.l.d":
		return nil, &web.Denied{Reason: "token userid does not match userid for username: bob"}
	}
	return nil, errors.New("no token")
}

func (a *access) Revoke(context.Context, web.Visitor) error { a.revoked = true; return nil }

type visitor struct {
	access *access
	token  string
}

func (v visitor) Username() string { return "bob" }
func (v visitor) Token() string    { return v.token }
func (v visitor) May(action, path string) error {
	v.access.asked = append(v.access.asked, action+" "+path)
	switch {
	case v.token == "i.d.l":
		return &web.Denied{Reason: "authorization failed for bob: session inactivity threshold reached"}
	case v.access.revoked, action == "delete", strings.HasPrefix(path, "/@HTTP/secret"):
		return web.ErrForbidden
	}
	return nil
}

type fixture struct {
	*httptest.Server
	access *access
}

func serve(t *testing.T, change func(*web.Options)) *fixture {
	t.Helper()
	f := &fixture{access: &access{}}
	o := web.Options{Web: config.Default().Web, Cookie: config.Default().Security.Cookie, Access: f.access, Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&o)
	}
	s, err := web.NewServer(o)
	require.NoError(t, err)
	s.Handle("/my/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		name := "nobody"
		if v := web.VisitorOf(r); v != nil {
			name = v.Username()
		}
		fmt.Fprintf(w, "hello %s at %s", name, r.URL.Path)
	}))
	s.Handle("/secret/", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "secret") }))
	s.Handle("GET /reads", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	f.Server = httptest.NewServer(s.Guard(s))
	t.Cleanup(f.Close)
	return f
}

// send writes a request as it stands, and returns the whole answer.
func (f *fixture) send(t *testing.T, request string) string {
	t.Helper()
	c, err := net.Dial("tcp", f.Listener.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = io.WriteString(c, request)
	require.NoError(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.Status + "\n" + resp.Header.Get("Content-Type") + "\n" + string(body)
}

func (f *fixture) get(t *testing.T, path string, headers ...string) string {
	return f.ask(t, "GET", path, headers...)
}

func (f *fixture) ask(t *testing.T, method, path string, headers ...string) string {
	t.Helper()
	request := method + " " + path + " HTTP/1.1\r\nHost: x\r\n"
	if method == "POST" {
		request += "Content-Length: 0\r\n"
	}
	for _, h := range headers {
		request += h + "\r\n"
	}
	return f.send(t, request+"\r\n")
}

const (
	bearer = "Authorization: Bearer t.o.k"
	cookie = "Cookie: happn_token=t.o.k"
	noTok  = "401 unauthorized access\ntext/plain\ninvalid token format or null token"
	hello  = "200 OK\ntext/plain; charset=utf-8\nhello bob at /my/route"
)

func forbidden(path string) string {
	return "403 unauthorized access\ntext/plain\nunauthorized access to path /@HTTP" + path
}

func TestATokenOpensWhatItsUserMaySee(t *testing.T) {
	f := serve(t, nil)
	for name, tc := range map[string]struct{ got, want string }{
		"no token":                {f.get(t, "/my/route"), noTok},
		"no token, no route":      {f.get(t, "/none"), noTok},
		"bearer":                  {f.get(t, "/my/route", bearer), hello},
		"cookie":                  {f.get(t, "/my/route", cookie), hello},
		"query":                   {f.get(t, "/my/route?happn_token=t.o.k"), hello},
		"basic":                   {f.get(t, "/my/route", "Authorization: Basic t.o.k"), noTok},
		"no scheme":               {f.get(t, "/my/route", "Authorization: t.o.k"), noTok},
		"bad token":               {f.get(t, "/my/route", "Authorization: Bearer bad.token.x"), noTok},
		"the cookie comes first":  {f.get(t, "/my/route", bearer, "Cookie: happn_token=bad.token.x"), noTok},
		"of an earlier user":      {f.get(t, "/my/route", "Authorization: Bearer o.l.d"), "401 unauthorized access\ntext/plain\ntoken userid does not match userid for username: bob"},
		"idle":                    {f.get(t, "/my/route", "Authorization: Bearer i.d.l"), "401 unauthorized access\ntext/plain\nauthorization failed for bob: session inactivity threshold reached"},
		"not permitted":           {f.get(t, "/secret/x", bearer), forbidden("/secret/x")},
		"another method":          {f.ask(t, "DELETE", "/my/route", bearer), forbidden("/my/route")},
		"permitted, but no route": {f.get(t, "/none", bearer), "404 Not Found\ntext/html; charset=utf-8\n<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Error</title>\n</head>\n<body>\n<pre>Cannot GET /none</pre>\n</body>\n</html>\n"},
		"no such method":          {f.ask(t, "PUT", "/reads", bearer), "405 Method Not Allowed\ntext/plain; charset=utf-8\nMethod Not Allowed\n"},
	} {
		require.Equal(t, tc.want, tc.got, name)
	}
}

func TestLoginsOverHTTPAnswerAsHappnDoes(t *testing.T) {
	f := serve(t, nil)
	denied := `401 Unauthorized` + "\n" + `application/json` + "\n" + `{"message":"login failed", "data":null, "error":{"name":"AccessDenied","code":401,"message":"Invalid credentials"}}`
	for path, want := range map[string]string{
		"/auth/login?username=bob&password=pwd": "200 OK\napplication/json\n" + `{"message":"login successful", "data":"t.o.k", "error":null}`,
		"/auth/login?U=bob&PWD=pwd":             "200 OK\napplication/json\n" + `{"message":"login successful", "data":"t.o.k", "error":null}`,
		"/auth/login?token=a.b.c":               "200 OK\napplication/json\n" + `{"message":"login successful", "data":"a.b.c", "error":null}`,
		"/auth/login?u=bob&p=bad":               denied,
		"/auth/login":                           denied,
		"/auth/login?u=locked&p=x":              "500 Internal Server Error\napplication/json\n" + `{"message":"login failed", "data":null, "error":{"name":"AccessDenied","code":403,"message":"Account locked out"}}`,
		"/auth/login?u=_ADMIN&p=x":              "401 Unauthorized\napplication/json\n" + `{"message":"login failed", "data":null, "error":{"name":"AccessDenied","code":403,"message":"use of _ADMIN credentials over the network is disabled"}}`,
		"/auth/login?u=broken":                  "500 Internal Server Error\napplication/json\n" + `{"message":"login failed", "data":null, "error":{"name":"Error","code":500,"message":"the login could not be carried out"}}`,
		"/auth/request-nonce?publicKey=abc":     "200 OK\napplication/json\n" + `{"message":"nonce generated", "data":"nonce==", "error":null}`,
		"/auth/logout":                          noTok,
	} {
		require.Equal(t, want, f.get(t, path), path)
	}
	require.Contains(t, f.get(t, "/auth/request-nonce"), "500 Internal Server Error\ntext/html")
	body := `{"username":"bob","password":"pwd"}`
	require.Equal(t, denied, f.send(t, "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "+fmt.Sprint(len(body))+"\r\n\r\n"+body))
}

func TestALogoutRevokesWhereItIsAllowed(t *testing.T) {
	f := serve(t, nil)
	require.Equal(t, "403 unauthorized access\ntext/plain\nlogouts over http are not allowed", f.get(t, "/auth/logout", bearer))
	require.False(t, f.access.revoked)
	f = serve(t, func(o *web.Options) { o.AllowLogout = true })
	require.Equal(t, "200 OK\napplication/json\n"+`{"message":"logout successful", "data":"t.o.k", "error":null}`, f.get(t, "/auth/logout", bearer))
	require.Equal(t, forbidden("/my/route"), f.get(t, "/my/route", bearer))
}

func TestPathsThatMeanSomethingElseAreRefusedBeforeAnybodyLooksAtThem(t *testing.T) {
	f := serve(t, func(o *web.Options) { o.Web.Exclusions = []string{"/open/*", "/"} })
	for _, path := range []string{
		"/my/../secret/x", "/my/./x", "//my/route", "/my//route", "/my/%2e%2e/secret/x", "/my/%2E%2e/secret/x",
		"/my/..%2fsecret/x", "/my/x%2f..%2f..%2fsecret", "/my/..%5csecret", "/my/%5c..%5csecret", "/my/x%00", "/my/x%0d%0aSet-Cookie:a",
		"/open/../secret/x", "/open/%2e%2e/secret/x", "/open/..%2f..%2fsecret/x", "/..", "/my/..",
	} {
		got := f.get(t, path, bearer)
		require.Contains(t, got, "400 Bad Request", path)
		require.NotContains(t, got, "\nsecret", path)
	}
	require.Empty(t, f.access.asked)
	for path, asked := range map[string]string{
		"/my/a%2fb":    "/@HTTP/my/a%2Fb", // one segment, which a permission for /my/a/* does not cover
		"/my/%61":      "/@HTTP/my/a",
		"/my/a%252fb":  "/@HTTP/my/a%252fb",
		"/MY/route":    "/@HTTP/MY/route",
		"/my/route/":   "/@HTTP/my/route/",
		"/my/r?x=/../": "/@HTTP/my/r",
	} {
		f.access.asked = nil
		f.get(t, path, bearer)
		require.Equal(t, []string{"get " + asked}, f.access.asked, path)
	}
	require.Equal(t, forbidden("/secret%2Fx"), f.get(t, "/secret%2fx", bearer), "an escaped slash opens nothing")
}

func TestExclusionsNeedNoToken(t *testing.T) {
	f := serve(t, func(o *web.Options) { o.Web.Exclusions = []string{"/", "/my/*pen", "/exact"} })
	for path, open := range map[string]bool{
		"/": true, "/?a=1": true, "/my/open": true, "/my/very/open": true, "/my/open?x": true, "/my/open/x": false,
		"/exact": true, "/exact/x": false, "/other": false, "/my/OPEN": false,
	} {
		require.Equal(t, open, f.get(t, path) != noTok, path)
	}
}

func TestAnotherSitesPageCannotActWithTheCookie(t *testing.T) {
	f := serve(t, func(o *web.Options) { o.AllowLogout = true })
	cross := "403 unauthorized access\ntext/plain\nanother site's page cannot act with this cookie"
	for name, tc := range map[string]struct{ got, want string }{
		"a form of another site":      {f.ask(t, "POST", "/my/route", cookie, "Sec-Fetch-Site: cross-site"), cross},
		"of a neighbour":              {f.ask(t, "POST", "/my/route", cookie, "Sec-Fetch-Site: same-site"), cross},
		"an old browser":              {f.ask(t, "POST", "/my/route", cookie, "Origin: https://evil.example"), cross},
		"a page without origin":       {f.ask(t, "POST", "/my/route", cookie, "Origin: null"), cross},
		"the host's own page":         {f.ask(t, "POST", "/my/route", cookie, "Sec-Fetch-Site: same-origin", "Origin: http://x"), hello},
		"a program":                   {f.ask(t, "POST", "/my/route", cookie), hello},
		"a token that a page has":     {f.ask(t, "POST", "/my/route", bearer, "Sec-Fetch-Site: cross-site"), hello},
		"reading, as a link does":     {f.get(t, "/my/route", cookie, "Sec-Fetch-Site: cross-site"), hello},
		"a picture that is a log-out": {f.get(t, "/auth/logout", cookie, "Sec-Fetch-Site: cross-site"), cross},
	} {
		require.Equal(t, tc.want, tc.got, name)
	}
	require.False(t, f.access.revoked)
}

func TestACookieIsSetForWhoGaveAPasswordOnly(t *testing.T) {
	set := func(query, header string) []*http.Cookie {
		f := serve(t, func(o *web.Options) { o.Cookie.Set = true })
		r, err := http.NewRequest("GET", f.URL+"/auth/login?"+query, nil)
		require.NoError(t, err)
		if header != "" {
			r.Header.Set("Sec-Fetch-Site", header)
		}
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer resp.Body.Close()
		return resp.Cookies()
	}
	got := set("u=bob&p=pwd", "")
	require.Len(t, got, 1)
	require.Equal(t, "happn_token=t.o.k; Path=/; HttpOnly; SameSite=Strict", got[0].Raw)
	require.Len(t, set("u=bob&p=pwd", "same-origin"), 1)
	require.Empty(t, set("t=t.o.k", ""), "whoever sends a link would choose the session")
	require.Empty(t, set("u=bob&p=pwd", "cross-site"), "another site's page would choose the account")
	require.Empty(t, set("u=bob&p=bad", ""))
}

func TestHeadersOfAProxyCountOnlyIfItIsTrusted(t *testing.T) {
	login := func(trusted []string, headers ...string) web.Credentials {
		f := serve(t, func(o *web.Options) { o.Web.TrustedProxies = trusted })
		f.get(t, "/auth/login?u=bob&p=pwd", headers...)
		return f.access.logins[0]
	}
	forged := []string{"X-Forwarded-For: 10.0.0.1", "X-Forwarded-Proto: https"}
	c := login(nil, forged...)
	require.Equal(t, "127.0.0.1", c.Address)
	require.False(t, c.Encrypted)
	c = login([]string{"127.0.0.0/8"}, forged...)
	require.Equal(t, "10.0.0.1", c.Address)
	require.True(t, c.Encrypted)
	c = login([]string{"127.0.0.1", "192.0.2.0/24"}, "X-Forwarded-For: 10.0.0.1, 198.51.100.7", "X-Forwarded-For: 192.0.2.9")
	require.Equal(t, "198.51.100.7", c.Address, "what stands before the nearest stranger was written by it")
}

func TestTLSHasACookieAndAHeaderOfItsOwn(t *testing.T) {
	f := serve(t, func(o *web.Options) {
		o.Web.TrustedProxies, o.Cookie.HTTPS = []string{"127.0.0.1"}, true
	})
	require.Equal(t, hello, f.get(t, "/my/route", "Cookie: happn_token_https=t.o.k; happn_token=bad", "X-Forwarded-Proto: https"))
	require.Equal(t, noTok, f.get(t, "/my/route", "Cookie: happn_token_https=t.o.k; happn_token=bad"))
	r, err := http.NewRequest("GET", f.URL+"/auth/login", nil)
	require.NoError(t, err)
	for proto, want := range map[string]string{"https": "max-age=15552000; includeSubDomains", "http": ""} {
		r.Header.Set("X-Forwarded-Proto", proto)
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		_ = resp.Body.Close()
		require.Equal(t, want, resp.Header.Get("Strict-Transport-Security"))
	}
}

func TestANameThatWasBentToLeadHereIsRefused(t *testing.T) {
	f := serve(t, func(o *web.Options) { o.Web.Hosts = []string{"host.example"} })
	for name, own := range map[string]bool{
		"host.example": true, "HOST.example:8080": true, "127.0.0.1:55000": true, "[::1]:1": true, "localhost": true,
		"evil.example": false, "host.example.evil.example": false, "xhost.example": false,
	} {
		got := f.send(t, "GET /my/route HTTP/1.1\r\nHost: "+name+"\r\n"+bearer+"\r\n\r\n")
		require.Equal(t, own, got == hello, "%s: %s", name, got)
		require.Equal(t, !own, strings.HasPrefix(got, "421 "), name)
	}
}

func TestBodiesAreBoundedInLengthAndTime(t *testing.T) {
	f := serve(t, func(o *web.Options) {
		o.Web.MaxBodyBytes, o.Web.BodyTimeout = 1000, 300*time.Millisecond
	})
	long := strings.Repeat("x", 2000)
	head := "POST /my/route HTTP/1.1\r\nHost: x\r\n" + bearer + "\r\n"
	require.Contains(t, f.send(t, head+"Content-Length: 2000\r\n\r\n"+long), "413 ")
	require.Contains(t, f.send(t, head+"Transfer-Encoding: chunked\r\n\r\n7d0\r\n"+long+"\r\n0\r\n\r\n"), "413 ")
	began := time.Now()
	require.Contains(t, f.send(t, head+"Content-Length: 500\r\n\r\nslow"), "i/o timeout")
	// One that is refused is not read for ever, either.
	require.Contains(t, f.send(t, "POST /my/route HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\nslow"), noTok)
	require.Less(t, time.Since(began), 5*time.Second)
}

func TestPagesReplaceTheLinesOfText(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.html")
	require.NoError(t, os.WriteFile(file, []byte("<b>no</b>"), 0o600))
	f := serve(t, func(o *web.Options) { o.Web.ForbiddenPage, o.Web.UnauthorizedPage = file, file })
	require.Equal(t, "401 unauthorized access\ntext/html\n<b>no</b>", f.get(t, "/my/route"))
	require.Equal(t, "403 unauthorized access\ntext/html\n<b>no</b>", f.get(t, "/secret/x", bearer))
	_, err := web.NewServer(web.Options{Web: config.Web{ForbiddenPage: file + "x"}})
	require.ErrorContains(t, err, "web.forbiddenPage")
}

func TestPagesMayReadWhatIsConfigured(t *testing.T) {
	f := serve(t, func(o *web.Options) {
		o.Web.CORS = config.CORS{Origins: []string{"https://good.example"}, Credentials: true, MaxAge: time.Minute}
	})
	ask := func(method, origin string) http.Header {
		r, err := http.NewRequest(method, f.URL+"/my/route", nil)
		require.NoError(t, err)
		r.Header.Set("Origin", origin)
		r.Header.Set("Access-Control-Request-Method", "POST")
		r.Header.Set("Cookie", "happn_token=t.o.k")
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		_ = resp.Body.Close()
		return resp.Header
	}
	h := ask("OPTIONS", "https://good.example")
	require.Equal(t, "https://good.example", h.Get("Access-Control-Allow-Origin"))
	require.Equal(t, "true", h.Get("Access-Control-Allow-Credentials"))
	require.Equal(t, "60", h.Get("Access-Control-Max-Age"))
	require.Empty(t, ask("OPTIONS", "https://evil.example").Get("Access-Control-Allow-Origin"))
	require.Equal(t, "https://good.example", ask("GET", "https://good.example").Get("Access-Control-Allow-Origin"))
	require.Equal(t, hello, f.ask(t, "POST", "/my/route", cookie, "Sec-Fetch-Site: cross-site", "Origin: https://good.example"))
}

func TestWithoutAccessControlEveryRouteIsOpen(t *testing.T) {
	f := serve(t, func(o *web.Options) { o.Access = nil })
	require.Equal(t, "200 OK\ntext/plain; charset=utf-8\nhello nobody at /my/route", f.get(t, "/my/route"))
	require.Contains(t, f.get(t, "/auth/login?u=_ADMIN&p=happn"), "<pre>Cannot GET /auth/login</pre>")
}

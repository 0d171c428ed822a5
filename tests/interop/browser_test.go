package interop

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/tests/testhost"
)

// browserPackages are what drives a browser, and the client that pages load.
var browserPackages = []testhost.Package{
	{Name: "happn-3", Release: testhost.HappnVersion},
	{Name: "playwright-core", Release: "1.65.1"},
}

func TestTheClientForWebPagesWorksInABrowser(t *testing.T) {
	browser := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil && browser == "" {
			browser = path
		}
	}
	if browser == "" {
		if os.Getenv("HAPPN_TEST_REQUIRE_NODE") != "" {
			t.Fatal("there is no Chromium")
		}
		t.Skip("there is no Chromium; install it to run this test")
	}
	npm := testhost.Packages(t, "browser-1.65.1", browserPackages...)
	server := testhost.Start(t, servesPages(npm))
	runTopic(t, npm, "browser", server, "HAPPN_BROWSER="+browser, "HAPPN_BROWSER_PROFILE="+t.TempDir())
}

// servesPages is a host that serves the client of an npm folder.
func servesPages(npm string) testhost.Settings {
	return testhost.Settings{Args: []string{"--http.browserClient", filepath.Join(npm, "node_modules", "happn-3")}}
}

func TestTheScriptsForWebPagesAreThoseOfTheReference(t *testing.T) {
	npm := testhost.NPMDir(t)
	host, reference := testhost.Start(t, servesPages(npm)), testhost.StartReference(t, testhost.Settings{})
	get := func(s *testhost.Server, path string, headers ...string) (*http.Response, string) {
		r, err := http.NewRequest(http.MethodGet, s.URL()+path, nil)
		require.NoError(t, err)
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp, string(body)
	}
	for _, path := range []string{"/browser_client", "/browser_primus.js", "/browser_primus.js?v=1", "/browser_crypto.js", "/primus/primus.js"} {
		t.Run(path, func(t *testing.T) {
			ours, body := get(host, path)
			theirs, want := get(reference, path)
			require.Equal(t, http.StatusOK, ours.StatusCode)
			require.Equal(t, theirs.StatusCode, ours.StatusCode)
			if path != "/primus/primus.js" { // that is of another release of Primus
				require.True(t, body == want, "%d bytes, and %d of the reference", len(body), len(want))
			}
			for _, name := range []string{"Content-Type", "Cache-Control", "Access-Control-Allow-Origin"} {
				require.Equal(t, theirs.Header.Get(name), ours.Header.Get(name), name)
			}
			if tag := theirs.Header.Get("Etag"); tag != "" {
				require.Equal(t, tag, ours.Header.Get("Etag"))
				require.Equal(t, theirs.Header.Get("Last-Modified"), ours.Header.Get("Last-Modified"))
				again, body := get(host, path, "If-None-Match", tag)
				require.Equal(t, http.StatusNotModified, again.StatusCode)
				require.Empty(t, body)
				part, body := get(host, path, "Range", "bytes=0-9")
				require.Equal(t, http.StatusPartialContent, part.StatusCode)
				require.Equal(t, want[:10], body)
			}
		})
	}
	ours, _ := get(host, "/primus/primus.js", "Origin", "http://a.example")
	require.Equal(t, "http://a.example", ours.Header.Get("Access-Control-Allow-Origin"))
	ours, _ = get(host, "/browser_client?x=1")
	require.Equal(t, http.StatusNotFound, ours.StatusCode)
	ours, body := get(testhost.Start(t, testhost.Settings{}), "/browser_client")
	require.Equal(t, http.StatusNotFound, ours.StatusCode)
	require.Contains(t, body, "http.browserClient")
}

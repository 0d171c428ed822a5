package browser_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/browser"
)

// files is a package with what it depends on; the last beside it, as npm puts it.
var files = map[string]string{
	"happn-3/package.json":                                  `{"name":"happn-3","version":"9.8.7","protocol":"4"}`,
	"happn-3/lib/client.js":                                 "p {{protocol}} {{protocol}} v {{version}}\n//{{constants}}\n//{{utils}}\n",
	"happn-3/lib/services/connect/public/browser_primus.js": "transport",
	"happn-3/node_modules/happn-commons/lib/constants.js":   "module.exports = {a:1};",
	"happn-3/node_modules/happn-commons/lib/utils.js":       "module.exports = {b:2};",
	"happn-util-crypto/build/lib/crypto.js":                 "crypto",
}

// install writes the files, but one, and returns the package's folder.
func install(t *testing.T, without string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "node_modules")
	for name, text := range files {
		if name == without {
			continue
		}
		file := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	}
	return filepath.Join(dir, "happn-3")
}

func TestTheScriptIsPutTogether(t *testing.T) {
	c, err := browser.Open(install(t, ""))
	require.NoError(t, err)
	require.Equal(t, "9.8.7", c.Version())
	for path, want := range map[string]string{
		"/browser_client": "//happn client v9.8.7\r\n//protocol v4\r\np 4 {{protocol}} v 9.8.7\n" +
			"\r\nCONSTANTS = {a:1};\r\n\n\r\nutils = {b:2};\r\n\n",
		"/browser_primus.js":   "transport",
		"/browser_crypto.js":   "crypto",
		"/browser_crypto.js/x": "crypto",
		"/primus/primus.js":    "transport",
	} {
		w := httptest.NewRecorder()
		require.True(t, c.Serve(w, httptest.NewRequest(http.MethodGet, path, nil)), path)
		require.Equal(t, http.StatusOK, w.Code)
		require.Equal(t, want, w.Body.String())
		head := httptest.NewRecorder()
		require.True(t, c.Serve(head, httptest.NewRequest(http.MethodHead, path, nil)))
		require.Zero(t, head.Body.Len())
	}
	for _, r := range []*http.Request{
		httptest.NewRequest(http.MethodGet, "/browser_client?a", nil),
		httptest.NewRequest(http.MethodGet, "/other", nil),
		httptest.NewRequest(http.MethodPost, "/browser_client", nil),
	} {
		require.False(t, c.Serve(httptest.NewRecorder(), r), r.URL)
	}
}

func TestAPackageThatIsNotWholeIsRefused(t *testing.T) {
	for name := range files {
		_, err := browser.Open(install(t, name))
		require.ErrorContains(t, err, filepath.Base(name), "%s is missing", name)
		require.ErrorContains(t, err, "npm install happn-3")
	}
	other := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(other, "package.json"), []byte(`{"name":"left-pad"}`), 0o644))
	_, err := browser.Open(other)
	require.ErrorContains(t, err, `"left-pad"`)
}

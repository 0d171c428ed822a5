package host

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/admin"
)

var rewrite = flag.Bool("rewrite", false, "write docs/api/openapi.json instead of comparing it")

func TestTheDocumentedAPIIsUpToDate(t *testing.T) {
	// What is managed is not asked: only the routes are described.
	api := admin.New(admin.Options{
		Directory: struct{ admin.Directory }{}, Tokens: struct{ admin.Tokens }{}, Sessions: openSessions{}, Status: hostStatus{}, Plugins: pluginControl{},
		More: (&Host{}).storeRoutes(),
	})
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	require.NoError(t, enc.Encode(api.Description()))
	path := filepath.Join("..", "docs", "api", "openapi.json")
	if *rewrite {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, b.Bytes(), 0o644))
		return
	}
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, b.String(), string(got), "run: go test ./host -run Documented -rewrite")
}

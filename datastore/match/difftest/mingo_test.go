package difftest_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const mingoVersion = "7.2.6"

// question is what mingo is asked, all at once.
type question struct {
	Docs        []json.RawMessage `json:"docs"`
	Filters     []json.RawMessage `json:"filters"`
	Sorts       []json.RawMessage `json:"sorts"`
	Projections []json.RawMessage `json:"projections"`
	Pipelines   []json.RawMessage `json:"pipelines"`
}

// answer has one element for each question: a list with one element for each
// document, or an object with the text of an error.
type answer struct {
	Filters     []json.RawMessage `json:"filters"`
	Sorts       []json.RawMessage `json:"sorts"`
	Projections []json.RawMessage `json:"projections"`
	Pipelines   []json.RawMessage `json:"pipelines"`
}

// ask runs mingo; the test is skipped where there is no node or npm.
func ask(t *testing.T, q question) answer {
	t.Helper()
	for _, list := range []*[]json.RawMessage{&q.Docs, &q.Filters, &q.Sorts, &q.Projections, &q.Pipelines} {
		if *list == nil {
			*list = []json.RawMessage{}
		}
	}
	in, err := json.Marshal(q)
	require.NoError(t, err)
	node := exec.Command("node", "mingo.mjs", installed(t))
	node.Stdin = bytes.NewReader(in)
	node.Stderr = os.Stderr
	out, err := node.Output()
	require.NoError(t, err)
	var a answer
	require.NoError(t, json.Unmarshal(out, &a))
	return a
}

// installed returns the folder with mingo in its node_modules.
func installed(t *testing.T) string {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	dir := filepath.Join(cache, "happn-host-test", "mingo-"+mingoVersion)
	manifest := filepath.Join(dir, "node_modules", "mingo", "package.json")
	if _, err := os.Stat(manifest); err == nil {
		return dir
	}
	require.NoError(t, os.MkdirAll(dir, 0o755))
	npm := exec.Command("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", dir, "mingo@"+mingoVersion)
	npm.Dir = dir
	out, err := npm.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.FileExists(t, manifest)
	return dir
}

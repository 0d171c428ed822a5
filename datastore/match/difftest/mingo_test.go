package difftest_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/tests/testhost"
)

// npmPackages are what this host is compared with.
var npmPackages = []testhost.Package{{Name: "mingo", Release: "7.2.6"}, {Name: "ajv-draft-04", Release: "1.0.0"}, {Name: "ajv", Release: "8.17.1"}}

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
	node := exec.Command("node", "mingo.mjs", testhost.Packages(t, "mingo-7.2.6-ajv-8.17.1", npmPackages...))
	node.Stdin = bytes.NewReader(in)
	node.Stderr = os.Stderr
	out, err := node.Output()
	require.NoError(t, err)
	var a answer
	require.NoError(t, json.Unmarshal(out, &a))
	return a
}

package plugin_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/limit"
)

// before starts a Manager over a folder with these files, and waits for a moment
// only.
func before(t *testing.T, files map[string][]byte, stateFile string) *plugin.Manager {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), content, 0o644))
	}
	m, err := plugin.New(plugin.Options{Dir: dir, StateFile: stateFile, Limits: limit.Set{Instances: 1, StartTimeout: time.Minute}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	short, cancel := context.WithTimeout(ctx(t), 50*time.Millisecond)
	defer cancel()
	m.Start(short)
	return m
}

func TestAStartWaitsForWhatIsRequired(t *testing.T) {
	soon := time.Now().Add(500 * time.Millisecond)
	m := before(t, map[string][]byte{
		"needed.wasm": startsAt(soon), "needed.yaml": []byte("required: true"),
		"other.wasm": startsAt(soon.Add(time.Hour)), "other.yaml": []byte("limits: {startTimeout: 3s}"),
	}, "")
	require.Empty(t, m.Inbound(), "neither was waited for")
	short, cancel := context.WithTimeout(ctx(t), time.Millisecond)
	defer cancel()
	require.ErrorIs(t, m.Require(short), context.DeadlineExceeded)
	require.NoError(t, m.Require(ctx(t)))
	require.Len(t, m.Inbound(), 1)
	info, err := m.Show("other")
	require.NoError(t, err)
	require.Equal(t, plugin.StateLoading, info.State, "it is loaded behind")
}

func TestWhatIsRequiredAndCannotRun(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string][]byte
		says  string // "" for nothing
	}{
		"a module that is none":                   {map[string][]byte{"p.wasm": []byte("x"), "p.yaml": []byte("required: true")}, "not a WebAssembly module"},
		"a module that is not there":              {map[string][]byte{"p.yaml": []byte("required: true")}, "p.wasm is required in p.yaml and is not in"},
		"a misspelt key":                          {map[string][]byte{"p.wasm": passes(), "p.yaml": []byte("required: true\nlimit: {}")}, `did you mean "limits"`},
		"a file that is no YAML":                  {map[string][]byte{"p.wasm": passes(), "p.yaml": []byte("a: [\nrequired: true\n")}, "p.yaml"},
		"a wrong type":                            {map[string][]byte{"p.wasm": passes(), "p.yaml": []byte("required: true\nlimits: 3")}, "expected an object"},
		"a module that is there":                  {map[string][]byte{"p.wasm": passes(), "p.yaml": []byte("required: true")}, ""},
		"one that its file disables":              {map[string][]byte{"p.wasm": []byte("x"), "p.yaml": []byte("required: true\nenabled: false")}, ""},
		"one that nobody requires":                {map[string][]byte{"p.wasm": []byte("x"), "p.yaml": []byte("required: false")}, ""},
		"a file without a module that needs none": {map[string][]byte{"p.yaml": []byte("enabled: true"), ".p.yaml": []byte("required: true")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := before(t, c.files, "").Require(ctx(t))
			if c.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.says)
			require.ErrorContains(t, err, "required")
		})
	}
}

func TestWhatIsRequiredIsNotDisabledByCommand(t *testing.T) {
	state := filepath.Join(t.TempDir(), "plugins.json")
	files := map[string][]byte{"p.wasm": passes(), "p.yaml": []byte("required: true")}
	m := before(t, files, state)
	require.NoError(t, m.Require(ctx(t)))
	_, err := m.Disable(ctx(t), "p", "ann")
	require.ErrorIs(t, err, plugin.ErrRequired)
	require.ErrorContains(t, err, "in p.yaml; take that out of it first")

	require.NoError(t, os.WriteFile(state, []byte(`{"disabled":{"p.wasm":{"time":"2026-01-01T00:00:00Z"}}}`), 0o600))
	require.NoError(t, before(t, files, state).Require(ctx(t)), "its file counts more than a command of before")
}

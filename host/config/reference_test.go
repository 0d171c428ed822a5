package config_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/config"
)

var rewrite = flag.Bool("rewrite", false, "write docs/configuration.md instead of comparing it")

// fieldNames returns the key of every leaf of the struct, in order.
func fieldNames(t reflect.Type, prefix string) []string {
	var names []string
	for f := range t.Fields() {
		name := prefix + f.Tag.Get("koanf")
		if f.Type.Kind() == reflect.Struct {
			names = append(names, fieldNames(f.Type, name+".")...)
			continue
		}
		names = append(names, name)
	}
	return names
}

func TestEveryFieldIsInTheReferenceInOrder(t *testing.T) {
	var names []string
	for _, k := range config.Reference() {
		names = append(names, k.Name)
	}
	require.Equal(t, fieldNames(reflect.TypeFor[config.Config](), ""), names)
}

func TestEveryKeyIsWellDescribed(t *testing.T) {
	seen := map[string]string{}
	for _, k := range config.Reference() {
		require.Regexp(t, `^[a-z][A-Za-z0-9]*(\.[a-z][A-Za-z0-9]*)*$`, k.Name)
		require.NotEmpty(t, k.Meaning, k.Name)
		require.True(t, strings.HasSuffix(k.Meaning, "."), "%s: a meaning is a sentence", k.Name)
		require.Regexp(t, `^HAPPN_[A-Z0-9_]+$`, k.Env)
		for _, name := range append([]string{k.Env, k.Flag}, k.Aliases...) {
			require.Empty(t, seen[name], "%s belongs to two keys", name)
			seen[name] = k.Name
		}
		if k.Type != "text" && k.Type != "list" && k.Type != "switch" && k.Type != "sections" {
			require.NotEmpty(t, k.Bounds, "%s has no bounds", k.Name)
		}
	}
}

func TestEveryDefaultCanBeWrittenInEverySource(t *testing.T) {
	env, flags := []string{}, map[string]string{}
	for _, k := range config.Reference() {
		env = append(env, k.Env+"="+k.Default)
		flags[k.Flag] = k.Default
	}
	for _, s := range []config.Sources{{Env: env}, {Flags: flags}} {
		got, err := config.Load(s)
		require.NoError(t, err)
		require.Equal(t, config.Default(), got)
	}
}

func TestTheExampleFileHasEveryKeyWithItsDefault(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, config.WriteYAML(&b))
	for _, line := range strings.Split(strings.TrimSpace(b.String()), "\n") {
		require.True(t, line == "" || line[0] == '#', "unchanged, the file sets nothing: %s", line)
		require.LessOrEqual(t, len(line), 120)
	}

	active := regexp.MustCompile(`(?m)^#`).ReplaceAllString(b.String(), "")
	got, err := config.Load(config.Sources{File: write(t, "example.yaml", active)})
	require.NoError(t, err)
	require.Equal(t, config.Default(), got)
	for _, k := range config.Reference() {
		leaf := k.Name[strings.LastIndexByte(k.Name, '.')+1:]
		require.Contains(t, active, leaf+":")
	}
}

func TestTheDocumentedReferenceIsUpToDate(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, config.WriteMarkdown(&b))
	path := filepath.Join("..", "..", "docs", "configuration.md")
	if *rewrite {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, b.Bytes(), 0o644))
		return
	}
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, b.String(), string(got), "run: go test ./host/config -run Documented -rewrite")
}

func TestNearestFlagForgivesCaseAndTypingErrors(t *testing.T) {
	for typed, want := range map[string]string{
		"prot":                     "port",
		"websocket.pinginterval":   "websocket.pingInterval",
		"ping-interval":            "websocket.pingInterval",
		"data-dir":                 "data.dir",
		"maxMessageBytes":          "websocket.maxMessageBytes",
		"plugins.default.timeoutt": "plugins.default.timeout",
	} {
		require.Equal(t, want, config.NearestFlag(typed), typed)
	}
}

func TestChangedNamesWhatDiffersFromTheDefaults(t *testing.T) {
	require.Empty(t, config.Default().Changed())
	c := config.Default()
	c.Port, c.Websocket.MaxMessageBytes = 0, 1<<20
	var got []string
	for _, s := range c.Changed() {
		got = append(got, s.Name+" "+s.Value+" "+s.Default)
	}
	require.Equal(t, []string{"port 0 55000", "websocket.maxMessageBytes 1MiB 10MiB"}, got)
}

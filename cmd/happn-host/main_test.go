package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// built is the command, built once for all tests that run it as a user would.
var built string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "happn-host-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	built = filepath.Join(dir, "happn-host.exe") // every system runs that name
	out, err := exec.Command("go", "build", "-ldflags", "-X main.version=v9.8.7", "-o", built, ".").CombinedOutput()
	if err != nil {
		fmt.Fprintf(os.Stderr, "build the command: %s\n%s", err, out)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(dir)
		os.Exit(code)
	}))
}

// command returns the built command in an empty folder, without the caller's
// HAPPN_ variables.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(built, args...)
	cmd.Dir = t.TempDir()
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(strings.ToUpper(pair), "HAPPN_") {
			cmd.Env = append(cmd.Env, pair)
		}
	}
	return cmd
}

// finish runs cmd to its end.
func finish(t *testing.T, cmd *exec.Cmd) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		require.IsType(t, &exec.ExitError{}, err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

func TestTheCommandExplainsItself(t *testing.T) {
	for name, tc := range map[string]struct {
		args           []string
		code           int
		stdout, stderr string // a part of each
	}{
		"no subcommand":      {nil, 2, "", "Start with: happn-host serve"},
		"help":               {[]string{"help"}, 0, "check-config", ""},
		"--help":             {[]string{"--help"}, 0, "check-config", ""},
		"help of one":        {[]string{"help", "serve"}, 0, "--plugins folder", ""},
		"--help of one":      {[]string{"config-doc", "--help"}, 0, "--yaml", ""},
		"help of unknown":    {[]string{"help", "sevre"}, 2, "", `"sevre" is not a subcommand`},
		"unknown subcommand": {[]string{"start"}, 2, "", `happn-host: "start" is not a subcommand; happn-host help lists them`},
		"unknown flag":       {[]string{"serve", "--websocket.pinginterval", "3s"}, 2, "", "flag --websocket.pinginterval is not known; did you mean --websocket.pingInterval? (see happn-host help serve)"},
		"unknown flag of a small command": {[]string{"version", "--yaml"}, 2, "",
			"flag --yaml is not known (see happn-host help version)"},
		"flag without value": {[]string{"serve", "--port"}, 2, "", "flag needs an argument: --port; see happn-host help serve"},
		"left over":          {[]string{"serve", "host.yaml"}, 2, "", `does not know what to do with "host.yaml"; see happn-host help serve`},
		"plugin":             {[]string{"help", "plugin"}, 0, "--operator-file", ""},
		"plugin verb":        {[]string{"plugin", "bild"}, 2, "", `plugin cannot "bild", it can build`},
		"plugin new":         {[]string{"plugin", "new"}, 2, "", "plugin new needs a new folder"},
		"plugin of no kind":  {[]string{"plugin", "new", "--kind", "none", "x"}, 1, "", `there is no template for hooks of kind "none"`},
		"plugin nowhere":     {[]string{"plugin", "build"}, 2, "", "plugin build needs the folder of a plugin"},
		"plugin of nothing":  {[]string{"plugin", "build", "--out", "o", "nothing"}, 1, "", "cannot build nothing: "},
		"switch with blank":  {[]string{"serve", "--shutdown.reconnect", "false"}, 2, "", "a switch is written with ="},
		"version":            {[]string{"version"}, 0, "happn-host v9.8.7", ""},
		"--version":          {[]string{"--version"}, 0, "happn-host v9.8.7", ""},
		"reference":          {[]string{"config-doc"}, 0, "### `websocket.pingInterval`", ""},
		"example file":       {[]string{"config-doc", "--yaml"}, 0, "#port: 55000", ""},
		"defaults are fine":  {[]string{"check-config"}, 0, "the configuration is fine; every key has its default", ""},
		"missing file":       {[]string{"check-config", "--config", "no.yaml"}, 2, "", "file no.yaml: does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := finish(t, command(t, tc.args...))
			require.Equal(t, tc.code, code, stderr)
			require.Contains(t, stdout, tc.stdout)
			require.Contains(t, stderr, tc.stderr)
			if tc.code == 0 {
				require.Empty(t, stderr)
			} else {
				require.Empty(t, stdout)
			}
		})
	}
}

func TestVersionForPrograms(t *testing.T) {
	_, stdout, _ := finish(t, command(t, "version", "--json"))
	var got map[string]any
	require.NoError(t, json.Unmarshal([]byte(stdout), &got))
	require.Equal(t, "v9.8.7", got["version"])
	require.NotEmpty(t, got["go"])
	require.NotEmpty(t, got["platform"])
}

func TestCheckConfigReportsEveryMistakeOfEverySource(t *testing.T) {
	cmd := command(t, "check-config", "--config", "host.yaml", "--port", "x")
	require.NoError(t, os.WriteFile(filepath.Join(cmd.Dir, "host.yaml"), []byte("nmae: a\nlog:\n  level: loud\n"), 0o600))
	cmd.Env = append(cmd.Env, "HAPPN_PROT=1")
	code, stdout, stderr := finish(t, cmd)
	require.Equal(t, 2, code)
	require.Empty(t, stdout)
	require.Equal(t, `happn-host: the configuration has 4 mistakes:
  file host.yaml line 1: nmae: is not a known key; did you mean name?
  environment variable HAPPN_PROT: is not a known key; did you mean HAPPN_PORT?
  file host.yaml line 3: log.level: found "loud", expected one of debug, info, warn, error
  flag --port: found "x", expected a whole number, 0 to 65535
`, stderr)
}

func TestCheckConfigKnowsWhatProfilesMean(t *testing.T) {
	cmd := command(t, "check-config", "--config", "host.yaml")
	require.NoError(t, os.WriteFile(filepath.Join(cmd.Dir, "host.yaml"),
		[]byte("secure: true\nsecurity: {profiles: [{name: devices, session: {}, policy: {ttl: 3 moons}}]}\n"), 0o600))
	code, _, stderr := finish(t, cmd)
	require.Equal(t, 2, code)
	require.Contains(t, stderr, "security.profiles: profile devices: policy.ttl:")
}

func TestCheckConfigNamesWhatDiffers(t *testing.T) {
	cmd := command(t, "check-config", "--config", "host.json", "--websocket.compression")
	require.NoError(t, os.WriteFile(filepath.Join(cmd.Dir, "host.json"), []byte(`{"port": 1, "host": "::"}`), 0o600))
	cmd.Env = append(cmd.Env, "HAPPN_PORT=7000", "HAPPN_TOKEN=of.a.command", "HAPPN_PASSWORD=x", "HAPPN_NEW_PASSWORD=y")
	code, stdout, _ := finish(t, cmd)
	require.Equal(t, 0, code)
	require.Equal(t, `the configuration is fine; these keys differ from their defaults:
  host: :: (default 127.0.0.1)
  port: 7000 (default 55000)
  websocket.compression: true (default false)
`, stdout)
}

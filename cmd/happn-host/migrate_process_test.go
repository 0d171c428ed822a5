package main_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// dataFile writes a data file of happn-3 with documents and a removal.
func dataFile(t *testing.T, documents int) string {
	t.Helper()
	var docs []string
	for i := range documents {
		docs = append(docs, fmt.Sprintf(`{"path":"/many/%d","data":{"i":%d},"created":1000,"modified":2000,"meta":{},"$loki":%d}`, i, i, i+1))
	}
	snapshot, err := json.Marshal(map[string]string{
		"snapshot": `{"collections":[{"name":"happn","data":[` + strings.Join(docs, ",") + `]}]}`,
	})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "happn.db")
	text := string(snapshot) + "\r\n" + `{"operation":{"operationType":"REMOVE","arguments":["/many/0",null]}}` + "\r\n"
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

func TestMigrateSaysWhatItDoesAndExitsAccordingly(t *testing.T) {
	file, data := dataFile(t, 4), filepath.Join(t.TempDir(), "data")
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--help"}, 0, "Usage: happn-host migrate"},
		{nil, 2, "--from"},
		{[]string{"--from", file, "--on-conflict", "never"}, 2, "overwrite"},
		{[]string{"--from", file, "--nope"}, 2, "--nope is not known"},
		{[]string{"--from", file, "--data.durability", "none"}, 2, "all would be lost"},
		{[]string{"--from", file + ".none"}, 1, "cannot read what to copy"},
		{[]string{"--from", file, "--limits.jsonDepth", "x"}, 2, "limits.jsonDepth"},
		{[]string{"--from", file, "--dry-run"}, 0, "3 new to the target\nthis was a dry run"},
		{[]string{"--from", file, "--dry-run", "--exclude", "/many/1", "--only", "/many/*"}, 0, "1 left out"},
		{[]string{"--from", file, "--verify"}, 0, "3 documents stored\n3 documents verified, 0 differ"},
		{[]string{"--from", file, "--verify"}, 0, "3 in the target already\n0 documents stored"},
		{[]string{"--from", dataFile(t, 3), "--only", "/many/1"}, 0, "1 in the target already"},
	} {
		if len(c.args) > 1 {
			c.args = append(c.args, "--data", data)
		}
		code, stdout, stderr := finish(t, command(t, append([]string{"migrate"}, c.args...)...))
		require.Equal(t, c.code, code, "%v: %s%s", c.args, stdout, stderr)
		require.Contains(t, stdout+stderr, c.want, "%v", c.args)
	}
	code, stdout, stderr := finish(t, command(t, "migrate", "--from", file, "--data", filepath.Join(t.TempDir(), "new"), "--limits.pathBytes", "16"))
	require.Equal(t, 0, code, "%s%s", stdout, stderr)
}

func TestAMigrationThatWasStoppedOrKilledGoesOn(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows cannot send SIGINT")
	}
	file := dataFile(t, 100_000)
	for _, signal := range []os.Signal{os.Interrupt, os.Kill} {
		data := filepath.Join(t.TempDir(), "data")
		cmd := command(t, "migrate", "--from", file, "--data", data)
		stderr, err := cmd.StderrPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		said, told := "", false
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			said += lines.Text() + "\n"
			if strings.HasPrefix(lines.Text(), "copying") && !told {
				told = true
				require.NoError(t, cmd.Process.Signal(signal))
			}
		}
		require.Error(t, cmd.Wait())
		if signal == os.Interrupt {
			require.Equal(t, 1, cmd.ProcessState.ExitCode())
			require.Contains(t, said, "run the same command again to go on")
		}
		code, stdout, errs := finish(t, command(t, "migrate", "--from", file, "--data", data, "--verify"))
		require.Equal(t, 0, code, errs)
		require.Contains(t, stdout, "99999 documents verified, 0 differ")
	}
}

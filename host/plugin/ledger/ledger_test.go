package ledger_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/plugin/ledger"
)

func open(t *testing.T, file string) *ledger.Ledger {
	l, err := ledger.Open(file)
	require.NoError(t, err)
	return l
}

// rolledBack is the canary with a number.
func rolledBack(n int) ledger.RolledBack {
	return ledger.RolledBack{Entry: ledger.Entry{Time: time.Unix(int64(n), 0), By: "ann"}, SHA256: fmt.Sprint(n), Reason: "too slow"}
}

func TestWhatWasDoneIsRememberedOverRestarts(t *testing.T) {
	for name, file := range map[string]string{"in a file": filepath.Join(t.TempDir(), "plugins.json"), "in memory": ""} {
		t.Run(name, func(t *testing.T) {
			l := open(t, file)
			again := func() *ledger.Ledger {
				if file == "" {
					return l
				}
				return open(t, file)
			}
			require.Empty(t, l.Disabled("p.wasm"))
			require.NoError(t, l.Disable("p.wasm", "ann"))
			require.NoError(t, l.Disable("p.wasm", "bob"))
			require.Contains(t, again().Disabled("p.wasm"), "by ann; happn-host plugin enable takes that back", "who did it first")
			require.Empty(t, again().Disabled("q.wasm"))

			require.NoError(t, l.RollBack("p.wasm", rolledBack(1)))
			e, was := again().WasRolledBack("p.wasm", "1")
			require.True(t, was)
			require.Equal(t, "rolled back at 1970-01-01T00:00:01Z by ann: too slow", e.String())
			_, was = again().WasRolledBack("q.wasm", "1")
			require.False(t, was)

			was, err := l.Enable("p.wasm")
			require.NoError(t, err)
			require.True(t, was)
			require.Empty(t, again().Disabled("p.wasm"))
			was, err = l.Enable("p.wasm")
			require.NoError(t, err)
			require.False(t, was)

			require.NoError(t, l.Forgive("p.wasm"))
			require.NoError(t, l.Forgive("p.wasm"))
			_, was = again().WasRolledBack("p.wasm", "1")
			require.False(t, was)
		})
	}
}

func TestTheLastSixteenCanariesOfAPluginAreRemembered(t *testing.T) {
	l := open(t, "")
	for n := range 20 {
		require.NoError(t, l.RollBack("p.wasm", rolledBack(n)))
	}
	require.NoError(t, l.RollBack("p.wasm", rolledBack(19)), "one that was is not another")
	for n := range 20 {
		_, was := l.WasRolledBack("p.wasm", fmt.Sprint(n))
		require.Equal(t, n >= 4, was, n)
	}
}

func TestAFileThatMakesNoSenseIsRefused(t *testing.T) {
	for _, content := range []string{"", "{", `{"enabled":[]}`, `{"disabled":3}`} {
		file := filepath.Join(t.TempDir(), "plugins.json")
		require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
		_, err := ledger.Open(file)
		require.ErrorContains(t, err, "plugins.json")
		require.ErrorContains(t, err, "remove the file")
	}
}

func TestWhatCannotBeKept(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "missing", "plugins.json"))
	require.ErrorContains(t, l.Disable("p.wasm", "ann"), "could not be kept")
	require.Empty(t, l.Disabled("p.wasm"), "is not done")
	require.ErrorContains(t, l.RollBack("p.wasm", rolledBack(1)), "could not be kept")
	_, was := l.WasRolledBack("p.wasm", "1")
	require.True(t, was, "a canary that failed is not tried again until the host stops")
}

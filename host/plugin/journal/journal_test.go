package journal_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/plugin/journal"
)

func TestLinesAreNumberedAndWhatRepeatsIsCounted(t *testing.T) {
	j := journal.New()
	require.Empty(t, j.Last(0, 10))
	for _, text := range []string{"a", "b", "b", "b", "a"} {
		j.Add(slog.LevelInfo, journal.Guest, text)
	}
	j.Add(slog.LevelInfo, "", "a")
	j.Add(slog.LevelWarn, "", "a")
	var texts []string
	for n, l := range j.Last(0, 10) {
		require.EqualValues(t, n+1, l.Number)
		require.Equal(t, n < 3, l.Guest)
		texts = append(texts, l.Text+strings.Repeat("'", l.Times))
	}
	require.Equal(t, []string{"a'", "b'''", "a'", "a'", "a'"}, texts)
	require.Len(t, j.Last(0, 2), 2)
	require.Len(t, j.Last(3, 10), 2, "those behind a number")
	require.Empty(t, j.Last(5, 10))
}

func TestTheOldestLinesAreForgotten(t *testing.T) {
	j := journal.New()
	for n := range 1500 {
		j.Add(slog.LevelInfo, "", strings.Repeat("x", n%2))
	}
	all := j.Last(0, 10_000)
	require.Len(t, all, 1000)
	require.EqualValues(t, 501, all[0].Number)

	for n := range 100 {
		j.Add(slog.LevelInfo, "", strings.Repeat("y", 100_000+n))
	}
	require.Len(t, j.Last(0, 10_000), 10, "a MiB in all")
}

func TestAPluginsLogIsTheHostsAndItsJournal(t *testing.T) {
	var host strings.Builder
	j := journal.New()
	log := slog.New(j.Handler(slog.NewTextHandler(&host, nil))).With("plugin", "p")
	log.Debug("small things", "n", 1)
	log.WithGroup("g").Warn("large things", "source", journal.Guest)
	lines := j.Last(0, 10)
	require.Len(t, lines, 2, "of every level")
	require.Equal(t, "small things n=1", lines[0].Text, "without what all lines have")
	require.False(t, lines[0].Guest)
	require.True(t, lines[1].Guest)
	require.Equal(t, slog.LevelWarn, lines[1].Level)
	require.NotContains(t, host.String(), "small things", "the host's log keeps its level")
	require.Contains(t, host.String(), "plugin=p")
}

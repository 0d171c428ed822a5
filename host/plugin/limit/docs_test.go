package limit_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/plugin/limit"
)

// The table stands in the order of the fields, by whose place it is asked.
func TestTheTableOfLimitsFitsTheirFields(t *testing.T) {
	of := reflect.TypeFor[limit.Set]()
	require.EqualValues(t, limit.Count, of.NumField())
	for n := range limit.Count {
		row := n.Row()
		require.True(t, strings.EqualFold(row.Key, of.Field(int(n)).Name), "%s is in the place of %s", row.Key, of.Field(int(n)).Name)
		require.Equal(t, row.InTime(), of.Field(int(n)).Type == reflect.TypeFor[time.Duration](), row.Key)
		require.LessOrEqual(t, row.Standard, row.Most, row.Key)
	}
}

func TestOperatorsReadWhatLimitsThereAre(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "plugins", "operators.md"))
	require.NoError(t, err)
	for n := range limit.Count {
		row := n.Row()
		_, line, found := strings.Cut(string(text), "\n| `"+row.Key+"` | ")
		require.True(t, found, "%s is missing", row.Key)
		line, _, _ = strings.Cut(line, "\n")
		cells := strings.Split(line, " | ")
		require.Len(t, cells, 4, line)
		if row.Standard != 0 {
			require.Equal(t, row.Standard, written(t, cells[0]), line)
		}
		require.Equal(t, row.Most, written(t, cells[1]), line)
	}
}

// written reads a value as people write it: 2^50, 1,048,576, 64 for each, or 5s.
func written(t *testing.T, cell string) int64 {
	word, _, _ := strings.Cut(strings.TrimSpace(strings.ReplaceAll(cell, ",", "")), " ")
	if power, ok := strings.CutPrefix(word, "2^"); ok {
		n, err := strconv.Atoi(power)
		require.NoError(t, err)
		return 1 << n
	}
	if n, err := strconv.ParseInt(word, 10, 64); err == nil {
		return n
	}
	d, err := time.ParseDuration(word)
	require.NoError(t, err, cell)
	return int64(d)
}

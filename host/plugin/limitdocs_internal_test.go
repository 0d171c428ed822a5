package plugin

import (
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// limitTable stands in the order of the fields, by whose place it is asked.
func TestTheTableOfLimitsFitsTheirFields(t *testing.T) {
	of := reflect.TypeFor[Limits]()
	require.EqualValues(t, limitCount, of.NumField())
	for n, row := range limitTable {
		require.True(t, strings.EqualFold(row.key, of.Field(n).Name), "%s is in the place of %s", row.key, of.Field(n).Name)
		require.Equal(t, row.unit == inTime, of.Field(n).Type == reflect.TypeFor[time.Duration](), row.key)
		require.LessOrEqual(t, row.standard, row.most, row.key)
	}
}

func TestOperatorsReadWhatLimitsThereAre(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "plugins", "operators.md"))
	require.NoError(t, err)
	for _, row := range limitTable {
		_, line, found := strings.Cut(string(text), "\n| `"+row.key+"` | ")
		require.True(t, found, "%s is missing", row.key)
		line, _, _ = strings.Cut(line, "\n")
		cells := strings.Split(line, " | ")
		require.Len(t, cells, 4, line)
		if row.standard != 0 {
			require.Equal(t, row.standard, written(t, cells[0]), line)
		}
		require.Equal(t, row.most, written(t, cells[1]), line)
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

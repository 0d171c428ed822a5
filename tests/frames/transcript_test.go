package frames

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// line is one line of a transcript.
type line struct {
	Dir    string  `json:"dir"`
	Conn   int     `json:"c"`
	Frame  *string `json:"frame"`
	Binary *string `json:"binary"`
	Fill   int     `json:"fill"`
	At     int     `json:"at"`
	Event  string  `json:"ev"`
	Note   string  `json:"note"`

	number int
}

func (l line) sent() bool     { return l.Dir == "c>s" && (l.Frame != nil || l.Binary != nil) }
func (l line) received() bool { return l.Dir == "s>c" && l.Frame != nil }

// text is the frame to send, with its filling.
func (l line) text() string {
	if l.Fill == 0 {
		return *l.Frame
	}
	return (*l.Frame)[:l.At] + strings.Repeat("x", l.Fill) + (*l.Frame)[l.At:]
}

// closeCode is the code of a closing line, from its note "code 1005 ...".
func (l line) closeCode(t *testing.T) int {
	fields := strings.Fields(l.Note)
	require.GreaterOrEqual(t, len(fields), 2, "line %d: a closing without a code", l.number)
	code, err := strconv.Atoi(fields[1])
	require.NoError(t, err, "line %d", l.number)
	return code
}

func readTranscript(t *testing.T, name string) []line {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name+".jsonl"))
	require.NoError(t, err)
	defer f.Close()
	var lines []line
	scanner := bufio.NewScanner(f)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		l := line{number: len(lines) + 1}
		require.NoError(t, json.Unmarshal(scanner.Bytes(), &l), "line %d", l.number)
		lines = append(lines, l)
	}
	require.NoError(t, scanner.Err())
	return lines
}

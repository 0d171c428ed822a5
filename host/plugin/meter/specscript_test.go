package meter_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// script is a file of the WebAssembly specification's test suite, as wabt's
// wast2json writes it.
type script struct {
	folder   string
	Commands []command `json:"commands"`
}

type command struct {
	Type     string   `json:"type"`
	Line     int      `json:"line"`
	Name     string   `json:"name"`     // of a module
	Filename string   `json:"filename"` // of a module
	Kind     string   `json:"module_type"`
	As       string   `json:"as"`   // of a registration, and of the module before it
	Text     string   `json:"text"` // of a trap
	Action   action   `json:"action"`
	Expected []scalar `json:"expected"`
}

type action struct {
	Type   string   `json:"type"` // invoke or get
	Module string   `json:"module"`
	Field  string   `json:"field"`
	Args   []scalar `json:"args"`
}

// scalar is a value: a string, or the lanes of a vector.
type scalar struct {
	Type  string          `json:"type"`
	Lane  string          `json:"lane_type"`
	Value json.RawMessage `json:"value"`
}

// specFolder returns where the module of the engine, in the module cache, has
// its copy of the suite.
func specFolder(tb testing.TB) string {
	tb.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	require.NoError(tb, err)
	return filepath.Join(strings.TrimSpace(string(out)), "internal", "integration_test", "spectest")
}

func readScript(t *testing.T, path string) script {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	s := script{folder: filepath.Dir(path)}
	require.NoError(t, json.Unmarshal(raw, &s))
	for i, c := range s.Commands {
		if c.Type == "register" { // the engine names a module when it makes it
			require.Equal(t, "module", s.Commands[i-1].Type)
			s.Commands[i-1].As = c.As
		}
	}
	return s
}

func (s script) read(t *testing.T, name string) []byte {
	t.Helper()
	module, err := os.ReadFile(filepath.Join(s.folder, name))
	require.NoError(t, err)
	return module
}

// bits returns the value as the engine's calls want it. What stands for any
// value of a kind, like nan:canonical, is for matches.
func (v scalar) bits(t *testing.T) []uint64 {
	t.Helper()
	if v.Type != "v128" {
		return []uint64{number(t, v.Type, v.text())}
	}
	width, out := laneWidth(v.Lane), make([]uint64, 2)
	for i, lane := range v.lanes(t) {
		at := i * width
		out[at/64] |= number(t, v.Lane, lane) << (at % 64)
	}
	return out
}

// text returns the value as it stands in the script, "" for any reference.
func (v scalar) text() string {
	var s string
	_ = json.Unmarshal(v.Value, &s) // it is absent, or a string
	return s
}

func (v scalar) lanes(t *testing.T) (lanes []string) {
	t.Helper()
	require.NoError(t, json.Unmarshal(v.Value, &lanes))
	return lanes
}

func laneWidth(lane string) int {
	width, _ := strconv.Atoi(lane[1:])
	return width
}

// number reads decimal bits. The engine has 0 for a null reference, so that
// references of hosts are one more than in the script.
func number(t *testing.T, typ, text string) uint64 {
	t.Helper()
	if text == "null" || text == "" {
		return 0
	}
	if negative, err := strconv.ParseInt(text, 10, 64); err == nil && negative < 0 {
		if typ == "i32" {
			return uint64(uint32(negative))
		}
		return uint64(negative)
	}
	n, err := strconv.ParseUint(text, 10, 64)
	require.NoError(t, err)
	if typ == "externref" {
		n++
	}
	return n
}

// matches compares the engine's bits of one value with what the script wants.
func (v scalar) matches(t *testing.T, got []uint64) error {
	t.Helper()
	if v.Type != "v128" {
		return v.compare(t, v.Type, v.text(), got[0])
	}
	width := laneWidth(v.Lane)
	for i, lane := range v.lanes(t) {
		at := i * width
		bits := got[at/64] >> (at % 64) & (math.MaxUint64 >> (64 - width))
		if err := v.compare(t, v.Lane, lane, bits); err != nil {
			return fmt.Errorf("lane %d: %w", i, err)
		}
	}
	return nil
}

func (v scalar) compare(t *testing.T, typ, want string, got uint64) error {
	t.Helper()
	if strings.HasPrefix(want, "nan:") {
		if f := math.Float64frombits(got); typ == "f32" && math.IsNaN(float64(math.Float32frombits(uint32(got)))) || typ == "f64" && math.IsNaN(f) {
			return nil
		}
		return fmt.Errorf("got %#x, want %s", got, want)
	}
	if strings.HasSuffix(typ, "ref") && want == "" {
		return nil // any
	}
	if typ == "i32" || typ == "f32" {
		got = uint64(uint32(got))
	}
	if n := number(t, typ, want); n != got {
		return fmt.Errorf("got %#x, want %#x", got, n)
	}
	return nil
}

package frames

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/tests/testhost"
)

// difference is a place where the host deliberately does not send what the
// reference sent. The line is that of a recorded answer, which the frames take
// the place of, or that of a request without an answer, which they follow. The
// frames are written with the ids of the recording; an error message "~x" is any
// that contains x. They have to come: a difference that no longer occurs fails
// its transcript.
type difference struct {
	id         string // its heading in docs/differences.md
	transcript string
	line       int
	conn       int // the connection that gets the frames, if not the line's
	sends      []string
	ends       bool // the server then ends the connection, which the recorded client ended later
}

// differencesOf is the part of the table that belongs to a transcript.
func differencesOf(t *testing.T, transcript string) map[int]difference {
	t.Helper()
	found := map[int]difference{}
	if testhost.Reference() {
		return found
	}
	for _, d := range table() {
		if d.transcript == transcript {
			require.NotContains(t, found, d.line, "two differences at one line")
			found[d.line] = d
		}
	}
	return found
}

func TestTheDocumentExplainsEveryDifference(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "differences.md"))
	require.NoError(t, err)
	for _, d := range table() {
		assert.Contains(t, string(text), "### "+d.id+"\n", "%s line %d", d.transcript, d.line)
	}
}

func TestADifferenceIsOne(t *testing.T) {
	skipReference(t)
	m := matcher{tokens: newTokens(), started: time.Now()}
	for _, d := range table() {
		recorded := readTranscript(t, d.transcript)[d.line-1]
		if recorded.sent() {
			assert.NotEmpty(t, d.sends, "%s line %d: nothing is sent, as in the recording", d.transcript, d.line)
		} else if len(d.sends) == 1 {
			assert.Error(t, m.frame(*recorded.Frame, d.sends[0], false), "%s line %d: the same as recorded", d.transcript, d.line)
		}
	}
}

// table is the whole of it.
func table() []difference { return slices.Concat(differences, secureDifferences) }

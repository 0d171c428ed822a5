package interop

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/tests/testhost"
)

func TestMain(m *testing.M) { os.Exit(testhost.Main(m)) }

// topicTimeout bounds one script. It is only used up by a failure.
const topicTimeout = 3 * time.Minute

var topics = []struct {
	name     string
	settings testhost.Settings
}{
	{name: "calls"},
	{name: "on"},
	{name: "off"},
	{name: "options", settings: testhost.Settings{AckTimeout: 700 * time.Millisecond}},
	{name: "values"},
	{name: "search"},
	{name: "errors"},
	{name: "reconnect"},
	{name: "many"},
	{name: "compression", settings: testhost.Settings{Compression: true}},
	{name: "archive", settings: testhost.Settings{Prepare: archivesForAll}},
}

// archivesForAll has the reference server archive when the host's route is asked
// for, as an application of happn-3 does with server.services.data.archive.
const archivesForAll = `server.connect.use("/api/v1/archive", (req, res) =>
	server.services.data.archive("*", (e, id) => res.end(JSON.stringify({ id, error: e && e.message }))));`

func TestTheNPMClientSeesNoDifference(t *testing.T) {
	npm := testhost.NPMDir(t)
	for _, topic := range topics {
		t.Run(topic.name, func(t *testing.T) {
			runTopic(t, npm, topic.name, testhost.Start(t, topic.settings))
		})
	}
}

// TestWhatGoesBeyondTheReference runs the topics that only the host can pass.
func TestWhatGoesBeyondTheReference(t *testing.T) {
	if testhost.Reference() {
		t.Skip("the reference server ignores these options")
	}
	npm := testhost.NPMDir(t)
	for _, topic := range []string{"content", "bulk"} {
		t.Run(topic, func(t *testing.T) {
			runTopic(t, npm, topic, testhost.Start(t, testhost.Settings{}))
		})
	}
}

// runTopic runs one script and reports each of its cases as a subtest. A line
// that starts with "@@" asks for something to be done to the server.
func runTopic(t *testing.T, npm, name string, server *testhost.Server, environment ...string) {
	t.Helper()
	runTopicBut(t, nil, npm, name, server, environment...)
}

// runTopicBut is runTopic where the named cases may fail, for the reasons given.
func runTopicBut(t *testing.T, excused map[string]string, npm, name string, server *testhost.Server, environment ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), topicTimeout)
	defer cancel()
	script, err := filepath.Abs(filepath.Join("js", name+".js"))
	require.NoError(t, err)
	cmd := testhost.Node(ctx, npm, script)
	cmd.Env = append(cmd.Env, environment...)
	cmd.Env = append(cmd.Env, "HAPPN_PORT="+strconv.Itoa(server.Port()))
	if testhost.Reference() {
		cmd.Env = append(cmd.Env, "HAPPN_REFERENCE=1")
	}
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = cmd.Stdout
	require.NoError(t, cmd.Start())

	report := report{all: -1}
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if asked, ok := strings.CutPrefix(lines.Text(), "@@ "); ok {
			serve(t, server, asked)
			_, err := io.WriteString(stdin, "done\n")
			require.NoError(t, err)
		} else {
			report.line(lines.Text())
		}
	}
	err = cmd.Wait()
	asExcused := 0
	for _, c := range report.cases {
		t.Run(c.name, func(t *testing.T) {
			switch why := excused[c.name]; {
			case !c.passed && why != "":
				asExcused++
				t.Skip(why)
			case !c.passed:
				t.Error(c.output.String())
			}
		})
	}
	require.NotEmpty(t, report.cases, "the script reported nothing: %s", report.rest.String())
	require.NoError(t, lines.Err())
	require.NoError(t, report.whole(), report.rest.String())
	if asExcused == 0 { // else the script says that cases have failed
		require.NoError(t, err, report.rest.String())
	}
}

func serve(t *testing.T, server *testhost.Server, asked string) {
	t.Helper()
	switch asked {
	case "kill":
		server.Kill()
	case "stop":
		server.Terminate()
		server.WaitExit()
	case "start":
		server.StartAgain()
	case "archive":
		resp, err := http.Post(server.URL()+"/api/v1/archive", "", nil)
		require.NoError(t, err)
		defer resp.Body.Close()
		require.Equal(t, http.StatusOK, resp.StatusCode)
	default:
		require.Fail(t, "the script asks for something unknown", asked)
	}
}

// report collects the cases of a script from its output.
type report struct {
	cases []*outcome
	all   int // cases, as the script says when it has run them; -1 until then
	rest  strings.Builder
}

// whole returns an error unless the script came to its end, and all of its cases
// were reported: one that crashed has others that nobody has heard of.
func (r *report) whole() error {
	switch r.all {
	case len(r.cases):
		return nil
	case -1:
		return fmt.Errorf("the script ended after %d cases without saying that these were all", len(r.cases))
	}
	return fmt.Errorf("the script has %d cases, it reported %d", r.all, len(r.cases))
}

type outcome struct {
	name   string
	passed bool
	output strings.Builder
}

func (r *report) line(text string) {
	if name, ok := strings.CutPrefix(text, "ok - "); ok {
		r.cases = append(r.cases, &outcome{name: name, passed: true})
		return
	}
	if name, ok := strings.CutPrefix(text, "not ok - "); ok {
		r.cases = append(r.cases, &outcome{name: name})
		return
	}
	if passed, all := 0, 0; r.all < 0 {
		if _, err := fmt.Sscanf(text, "# %d of %d passed", &passed, &all); err == nil {
			r.all = all
			return
		}
	}
	if n := len(r.cases); n > 0 && !r.cases[n-1].passed {
		fmt.Fprintln(&r.cases[n-1].output, text)
		return
	}
	fmt.Fprintln(&r.rest, text)
}

func TestAReportIsWholeOnlyWithTheLineAtItsEnd(t *testing.T) {
	for text, whole := range map[string]bool{
		"ok - a\nnot ok - b\nError: no\n# 1 of 2 passed":    true,
		"ok - a\nnot ok - b\nError: no":                     false, // it crashed
		"ok - a\n# 1 of 2 passed":                           false,
		"ok - a\nok - b\n# 1 of 1 passed":                   false,
		"not ok - unhandled rejection\n# a comment, passed": false,
	} {
		r := report{all: -1}
		for line := range strings.Lines(text) {
			r.line(strings.TrimSuffix(line, "\n"))
		}
		require.Equal(t, whole, r.whole() == nil, text)
	}
}

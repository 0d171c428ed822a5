package memory_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/memory"
)

// The environment of the crash test. HAPPN_CRASH_ROUNDS asks for more rounds
// than the few that are run by default.
const (
	crashRounds = "HAPPN_CRASH_ROUNDS"
	crashDir    = "HAPPN_CRASH_DIR"   // set for the child: the folder
	crashStart  = "HAPPN_CRASH_START" // set for the child: the first number
)

// crashCareful is how many writers wait for each answer; each has one path.
// Every tenth number is a removal.
const crashCareful = 16

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		if os.Getenv(crashArchives) != "" {
			archivingChild(dir)
		}
		crashChild(dir)
		return
	}
	os.Exit(m.Run())
}

// TestEveryAcknowledgedWriteSurvivesKill lets a child process write and kills
// it at a random moment, again and again on the same folder.
func TestEveryAcknowledgedWriteSurvivesKill(t *testing.T) {
	rounds := 5
	if text := os.Getenv(crashRounds); text != "" {
		var err error
		rounds, err = strconv.Atoi(text)
		require.NoError(t, err, crashRounds)
	}
	dir := t.TempDir()
	streamed := make(map[string]bool) // written without waiting, acknowledged
	for round := range rounds {
		acknowledged := killChild(t, dir, (round+1)*1_000_000, streamed)
		s, err := memory.Open(memory.Options{Dir: dir}) // not kept until the test ends, as open does
		require.NoError(t, err)
		require.False(t, s.Recovery().Clean)
		for path, number := range acknowledged {
			doc, err := s.Get(background, []byte(path))
			require.NoError(t, err)
			requireNumber(t, doc, path, number)
		}
		for path := range streamed {
			doc, err := s.Get(background, []byte(path))
			require.NoError(t, err)
			require.NotNil(t, doc, "%s was acknowledged and is gone", path)
		}
		require.NoError(t, s.Check(background))
		t.Logf("round %d: %d of %d paths checked: %v", round, len(acknowledged), len(streamed), s.Recovery())
		removeAll(t, s, "/s/*")
		clear(streamed)
		require.NoError(t, s.Close())
	}
}

// removeAll keeps a long test small.
func removeAll(t *testing.T, s *memory.Store, pattern string) {
	t.Helper()
	done := make(answers, 1)
	s.Remove(background, &datastore.Query{Pattern: []byte(pattern)}, done)
	require.NoError(t, done.next(t).err)
}

// requireNumber checks a careful writer's path: the last acknowledged number or
// the one after it, which was on its way.
func requireNumber(t *testing.T, doc *datastore.Document, path string, number int) {
	t.Helper()
	if doc == nil {
		require.True(t, number%10 == 0 || (number+1)%10 == 0, "%s: number %d was acknowledged and is gone", path, number)
		return
	}
	var data struct{ Number int }
	require.NoError(t, json.Unmarshal(doc.Data, &data))
	require.Contains(t, []int{number, number + 1}, data.Number, path)
	require.NotZero(t, data.Number%10, "%s: a removed document is back", path)
}

// killChild runs a child, kills it, and returns the last acknowledged number
// of each careful writer. It adds the streamed paths that were acknowledged.
func killChild(t *testing.T, dir string, start int, streamed map[string]bool) map[string]int {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), crashDir+"="+dir, crashStart+"="+strconv.Itoa(start))
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())

	acknowledged := make(map[string]int)
	lines := bufio.NewScanner(out)
	var timer *time.Timer
	for lines.Scan() {
		if timer == nil { // it works, so its time is running
			timer = time.AfterFunc(time.Duration(20+rand.IntN(400))*time.Millisecond, func() { _ = child.Process.Kill() })
		}
		var path string
		var number int
		if n, _ := fmt.Sscanf(lines.Text(), "%s %d;", &path, &number); n != 2 || lines.Text()[len(lines.Text())-1] != ';' {
			continue // cut off by the kill
		}
		if path[:3] == "/s/" {
			streamed[path] = true
		} else {
			acknowledged[path] = number
		}
	}
	require.NotNil(t, timer, "the child wrote nothing")
	require.Error(t, child.Wait(), "the child was not killed")
	return acknowledged
}

// crashChild writes until it is killed, and says what was acknowledged.
func crashChild(dir string) {
	s, err := memory.Open(memory.Options{Dir: dir})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	start, _ := strconv.Atoi(os.Getenv(crashStart))
	for w := range crashCareful {
		go careful(s, fmt.Sprintf("/c/%d", w), start)
	}
	stream(s, start)
}

// careful writes to one path and waits for each answer.
func careful(s *memory.Store, path string, number int) {
	done := make(answers, 1)
	for number++; ; number++ {
		if number%10 == 0 {
			s.Remove(context.Background(), &datastore.Query{Pattern: []byte(path)}, done)
		} else {
			s.Write(context.Background(), putWrite(path, fmt.Sprintf(`{"number":%d}`, number)), done)
		}
		if got := <-done; got.err != nil {
			fmt.Fprintln(os.Stderr, got.err)
			os.Exit(1)
		}
		fmt.Printf("%s %d;\n", path, number)
	}
}

// acknowledge tells of streamed writes, in one go for each.
type acknowledge struct {
	number int
	slots  chan struct{}
}

// Written implements datastore.Written.
func (a acknowledge) Written(doc *datastore.Document, err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("%s %d;\n", doc.Path, a.number)
	<-a.slots
}

// stream writes new paths, large and small, with many under way.
func stream(s *memory.Store, number int) {
	slots := make(chan struct{}, 256)
	for {
		number++
		slots <- struct{}{}
		data := fmt.Sprintf(`{"number":%d,"text":"%0*d"}`, number, number%7*500, 0)
		s.Write(context.Background(), putWrite(fmt.Sprintf("/s/%d", number), data), acknowledge{number: number, slots: slots})
	}
}

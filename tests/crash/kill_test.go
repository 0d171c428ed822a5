package crash

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/tests/testhost"
)

const (
	defaultRounds = 3
	writers       = 6
	inFlight      = 32 // requests of a writer that wait for their answer
	minAcks       = 300
	maxAcks       = 3000
)

func rounds(t *testing.T) int {
	text := os.Getenv("HAPPN_CRASH_ROUNDS")
	if text == "" {
		return defaultRounds
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, "HAPPN_CRASH_ROUNDS")
	return n
}

func TestEveryAcknowledgedWriteSurvivesKill(t *testing.T) {
	server := testhost.Start(t, testhost.Settings{})
	kept := make([]*ledger, writers)
	for i := range kept {
		kept[i] = &ledger{name: fmt.Sprintf("w%d", i), removed: map[int]bool{}}
	}
	for round := range rounds(t) {
		killUnderLoad(t, server, kept)
		server.StartAgain()
		for _, l := range kept {
			l.verify(t, server)
		}
		if t.Failed() {
			t.Fatalf("round %d lost acknowledged writes", round+1)
		}
	}
}

// killUnderLoad lets all writers write until a random number of writes was
// acknowledged, and kills the server in the middle of them.
func killUnderLoad(t *testing.T, server *testhost.Server, writers []*ledger) {
	t.Helper()
	target := int64(minAcks + rand.IntN(maxAcks-minAcks))
	var acks atomic.Int64
	enough := make(chan struct{})
	var running sync.WaitGroup
	var reached sync.Once
	count := func() {
		if acks.Add(1) >= target {
			reached.Do(func() { close(enough) })
		}
	}
	for _, l := range writers {
		ws := dial(t, server)
		configure(t, ws)
		running.Add(1)
		go func() {
			defer running.Done()
			l.write(ws, count)
		}()
	}
	stopped := make(chan struct{})
	go func() {
		running.Wait()
		close(stopped)
	}()
	select {
	case <-enough:
	case <-stopped:
		t.Fatalf("the writers ended after %d acknowledged writes, before the server was killed", acks.Load())
	}
	server.Kill()
	<-stopped
	t.Logf("killed after %d acknowledged writes", acks.Load())
}

// ledger is what one writer knows about its writes. Write n is, by turns, a new
// document, a new value of the writer's own counter document, and a remove of
// an earlier document.
type ledger struct {
	name    string
	next    int          // number of the next write
	acked   []int        // acknowledged new documents
	removed map[int]bool // documents that were asked to be removed
	goneFor []int        // documents whose remove was acknowledged
	counter int          // highest acknowledged value of the counter document
}

func (l *ledger) request(n int) string {
	switch {
	case n%8 == 7 && n > 2*inFlight:
		old := n - 2*inFlight + 1 // a new document, and long acknowledged
		l.removed[old] = true
		return fmt.Sprintf(`{"action":"remove","eventId":%d,"path":"/kill/%s/doc/%d","options":{}}`, n, l.name, old)
	case n%4 == 2:
		return fmt.Sprintf(`{"action":"set","eventId":%d,"path":"/kill/%s/counter","data":{"n":%d}}`, n, l.name, n)
	default:
		return fmt.Sprintf(`{"action":"set","eventId":%d,"path":"/kill/%s/doc/%d","data":{"n":%d,"text":"%0200d"}}`, n, l.name, n, n, n)
	}
}

// write keeps inFlight requests on the way until the connection breaks.
func (l *ledger) write(ws *websocket.Conn, count func()) {
	l.next += 2 // event id 1 configured the session
	for range inFlight {
		if !l.send(ws) {
			return
		}
	}
	for {
		_, frame, err := ws.ReadMessage()
		if err != nil {
			return
		}
		var answer response
		if json.Unmarshal(frame, &answer) != nil || answer.Meta.Status != "ok" {
			return
		}
		l.acknowledge(answer)
		count()
		if !l.send(ws) {
			return
		}
	}
}

func (l *ledger) send(ws *websocket.Conn) bool {
	n := l.next
	l.next++
	return ws.WriteMessage(websocket.TextMessage, []byte(l.request(n))) == nil
}

func (l *ledger) acknowledge(answer response) {
	n := answer.Meta.EventID
	switch {
	case answer.Meta.Action == "remove":
		l.goneFor = append(l.goneFor, n-2*inFlight+1)
	case n%4 == 2:
		l.counter = max(l.counter, n)
	default:
		l.acked = append(l.acked, n)
	}
}

// verify compares what the server has after its restart with the ledger.
func (l *ledger) verify(t *testing.T, server *testhost.Server) {
	t.Helper()
	ws := dial(t, server)
	configure(t, ws)
	ws.SetReadLimit(1 << 30)
	var list []map[string]any
	answer := ask(t, ws, 2, fmt.Sprintf(`{"action":"get","eventId":2,"path":"/kill/%s/doc/*"}`, l.name))
	require.NoError(t, json.Unmarshal(answer, &list))
	there := map[int]bool{}
	for _, item := range list[:len(list)-1] {
		n := int(item["n"].(float64))
		assert.Equal(t, fmt.Sprintf("%0200d", n), item["text"], "document %d of %s", n, l.name)
		there[n] = true
	}
	for _, n := range l.acked {
		if !l.removed[n] {
			assert.True(t, there[n], "document %d of %s was acknowledged and is lost", n, l.name)
		}
	}
	for _, n := range l.goneFor {
		assert.False(t, there[n], "document %d of %s was removed and is back", n, l.name)
	}
	var counter struct {
		Data struct{ N int }
	}
	answer = ask(t, ws, 3, fmt.Sprintf(`{"action":"get","eventId":3,"path":"/kill/%s/counter"}`, l.name))
	require.NoError(t, json.Unmarshal(answer, &counter))
	assert.GreaterOrEqual(t, counter.Data.N, l.counter, "an older value of the counter of %s came back", l.name)
}

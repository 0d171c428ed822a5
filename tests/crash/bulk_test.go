package crash

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/tests/testhost"
)

// bulkSize is large enough for the server to be killed inside a bulk write.
const bulkSize = 200

// bulkRequest is bulk write n: documents of a folder of its own.
func bulkRequest(n int) string {
	var documents []string
	for i := range bulkSize {
		documents = append(documents, fmt.Sprintf(`{"path":"/bulk/%d/%d","data":{"write":%d,"text":"%0200d"}}`, n, i, n, i))
	}
	return fmt.Sprintf(`{"action":"set","eventId":%d,"path":"/bulk/%d","data":[%s],"options":{"bulk":true,"noPublish":true}}`, n, n, strings.Join(documents, ","))
}

// A server that is killed under load has each bulk write wholly or not at all,
// and wholly if it was acknowledged.
func TestABulkWriteSurvivesKillWhollyOrNotAtAll(t *testing.T) {
	server := testhost.Start(t, testhost.Settings{})
	next := 2 // event id 1 configures the session
	acked := map[int]bool{}
	for range rounds(t) {
		next = bulkUnderLoad(t, server, next, 20+rand.IntN(60), acked)
		server.StartAgain()
		there := bulkDocuments(t, server)
		for n, documents := range there {
			assert.Equal(t, bulkSize, documents, "bulk write %d left a part behind", n)
		}
		for n := range acked {
			assert.Equal(t, bulkSize, there[n], "bulk write %d was acknowledged", n)
		}
		t.Logf("%d bulk writes, %d acknowledged, %d there", next-2, len(acked), len(there))
	}
}

// bulkUnderLoad keeps bulk writes on the way, kills the server when the target
// is acknowledged, and returns the number of the next write.
func bulkUnderLoad(t *testing.T, server *testhost.Server, next, target int, acked map[int]bool) int {
	t.Helper()
	const onTheWay = 8
	ws := dial(t, server)
	configure(t, ws)
	for range onTheWay {
		require.NoError(t, ws.WriteMessage(1, []byte(bulkRequest(next))))
		next++
	}
	for count := 0; ; {
		_, frame, err := ws.ReadMessage()
		if err != nil {
			require.GreaterOrEqual(t, count, target, "the connection ended before the server was killed: %v", err)
			return next
		}
		var answer response
		require.NoError(t, json.Unmarshal(frame, &answer))
		require.Equal(t, "ok", answer.Meta.Status, "%s", frame)
		acked[answer.Meta.EventID] = true
		if count++; count == target {
			server.Kill()
		}
		if ws.WriteMessage(1, []byte(bulkRequest(next))) == nil {
			next++
		}
	}
}

// bulkDocuments counts the documents of each bulk write.
func bulkDocuments(t *testing.T, server *testhost.Server) map[int]int {
	t.Helper()
	ws := dial(t, server)
	configure(t, ws)
	ws.SetReadLimit(1 << 30)
	var list []struct{ Write int }
	answer := ask(t, ws, 2, `{"action":"get","eventId":2,"path":"/bulk/*","options":{"fields":{"write":1}}}`)
	require.NoError(t, json.Unmarshal(answer, &list))
	there := map[int]int{}
	for _, document := range list[:len(list)-1] {
		there[document.Write]++
	}
	return there
}

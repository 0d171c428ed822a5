package bench

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stored is the data of a document as payload makes it.
func stored(key, value int) string {
	return fmt.Sprintf(`{"id":"%010d","key":"%010d","pad":"%s"}`, value, key, strings.Repeat("x", 60))
}

func TestWrongDataIsFound(t *testing.T) {
	const meta = `"_meta":{"status":"ok","eventId":1000000000}`
	cases := []struct {
		name, message string
		right         bool
	}{
		{"as stored", `{"data":` + stored(7, 9) + `,` + meta + `}`, true},
		{"meta first", `{` + meta + `,"data":` + stored(7, 9) + `}`, true},
		{"other spaces", `{"data": {"pad" : "x", "key" : "0000000007", "id" : "0000000009"},` + meta + `}`, true},
		{"other value", `{"data":` + stored(7, 8) + `,` + meta + `}`, false},
		{"other key", `{"data":` + stored(6, 9) + `,` + meta + `}`, false},
		{"nothing", `{"data":null,` + meta + `}`, false},
		{"no JSON", `{"data":`, false},
	}
	for _, c := range cases {
		err := checkData([]byte(c.message), 80, 7, 9)
		assert.Equal(t, c.right, err == nil, "%s: %v", c.name, err)
	}
}

func TestWrongListsAreFound(t *testing.T) {
	item := func(key, value int) string {
		return strings.TrimSuffix(stored(key, value), "}") + `,"_meta":{"path":"/x"}}`
	}
	list := func(items ...string) []byte {
		return []byte("[" + strings.Join(append(items, `{"status":"ok","eventId":1000000000}`), ",") + "]")
	}
	assert.NoError(t, checkList(list(item(7, 0), item(7, 1)), 80, 2, 7))
	assert.NoError(t, checkList(list(`{"id": "0", "key": "7"}`, `{"id": "1", "key": "7"}`), 80, 2, 7), "decoded when it looks otherwise")
	assert.ErrorContains(t, checkList(list(item(7, 0)), 80, 2, 7), "1 documents")
	assert.ErrorContains(t, checkList(list(item(7, 0), item(7, 1), item(7, 2)), 80, 2, 7), "3 documents")
	assert.Error(t, checkList(list(item(7, 0), item(8, 1)), 80, 2, 7))
	assert.Error(t, checkList(list(), 80, 2, 7))
}

func TestLostAndDoubledPublicationsAreFound(t *testing.T) {
	count := func(values ...uint64) (got tally) {
		for _, v := range values {
			got.add(v)
		}
		return got
	}
	assert.NoError(t, count(2, 1, 3).complete(3))
	assert.Error(t, count(1, 2).complete(3))
	assert.Error(t, count(1, 2, 3, 3).complete(3))
	assert.ErrorContains(t, count(1, 2, 2).complete(3), "twice")
}

// pipe is a session whose server is the test.
func pipe(t *testing.T) (*session, net.Conn) {
	ours, theirs := net.Pipe()
	t.Cleanup(func() { _, _ = ours.Close(), theirs.Close() })
	return &session{socket: &socket{conn: ours}}, theirs
}

// served is a message as a server frames it.
func served(op byte, final bool, payload string) []byte {
	b := []byte{op}
	if final {
		b[0] |= 0x80
	}
	switch n := len(payload); {
	case n < 126:
		b = append(b, byte(n))
	case n < 1<<16:
		b = append(b, 126, byte(n>>8), byte(n))
	default:
		b = append(b, 127, 0, 0, 0, 0, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	return append(b, payload...)
}

func TestSocketTakesFramesApart(t *testing.T) {
	long, huge := strings.Repeat("l", 300), strings.Repeat("h", 200_000)
	var stream []byte
	stream = append(stream, served(opText, true, "one")...)
	stream = append(stream, served(opText, true, long)...)
	stream = append(stream, served(opText, false, "in ")...)
	stream = append(stream, served(opContinuation, false, "three ")...)
	stream = append(stream, served(opContinuation, true, "parts")...)
	stream = append(stream, served(opText, true, huge)...)
	for _, step := range []int{1, 7, 4096, len(stream)} {
		s, server := pipe(t)
		go func() {
			for chunk := range slices.Chunk(stream, step) {
				_, _ = server.Write(chunk)
			}
		}()
		for _, want := range []string{"one", long, "in three parts", huge} {
			got, err := s.read()
			require.NoError(t, err)
			require.Equal(t, want, string(got))
		}
	}
}

func TestSocketAnswersHeartbeats(t *testing.T) {
	for _, c := range []struct {
		op         byte
		ping, pong string
		answer     byte
	}{
		{opText, `"primus::ping::17"`, `"primus::pong::17"`, opText},
		{opPing, "hello", "hello", opPong},
	} {
		s, server := pipe(t)
		got := make(chan []byte, 1)
		go func() {
			_, _ = server.Write(served(c.op, true, c.ping))
			answer := make([]byte, 100)
			n, _ := server.Read(answer)
			got <- answer[:n]
			_, _ = server.Write(served(opClose, true, ""))
		}()
		_, err := s.read()
		assert.ErrorIs(t, err, errServerClosed)
		assert.Equal(t, appendFrame(nil, c.answer, []byte(c.pong)), <-got)
	}
}

func TestPipelineRefusesAnswersThatAreNotDue(t *testing.T) {
	cases := []struct{ name, answer, want string }{
		{"an error", `{"data":null,"_meta":{"status":"error","eventId":1000000000,"error":{"message":"no"}}}`, `"no"`},
		{"of nobody", `{"_meta":{"status":"ok"}}`, "answers no request"},
		{"of an id that was not used", `{"_meta":{"status":"ok","eventId":1000000002}}`, "never made"},
		{"nonsense", `nonsense`, "no JSON"},
		{"wrong data", `{"data":{},"_meta":{"status":"ok","eventId":1000000000}}`, "wrong answer"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s, server := pipe(t)
			r := newRun(DefaultConfig())
			p, err := newPipeline(r, s, 2, work{
				text: requestText("get", "/x/"+keyMark, "null", "", ""),
				next: func(*slot) (uint64, uint64) { return 1, 1 },
				check: func(_ *slot, m []byte) error {
					return checkData(m, 80, 1, 1)
				},
			})
			require.NoError(t, err)
			go func() {
				requests := make([]byte, 4096)
				_, _ = server.Read(requests)
				_, _ = server.Write(served(opText, true, c.answer))
			}()
			assert.ErrorContains(t, p.drive(), c.want)
		})
	}
}

func TestSlotsNeverShareAnEventID(t *testing.T) {
	seen := map[string]bool{}
	const n = 3
	for i := range n {
		s, err := newSlot(requestText("set", "/p/"+keyMark, payload(100, true), "sid", ""), i)
		require.NoError(t, err)
		for use := range 4 {
			s.use(12, 34, time.Unix(0, 1795189329725000000))
			text := string(s.frame)
			id := text[strings.Index(text, `"eventId":`)+10:][:digits]
			assert.False(t, seen[id], "use %d of slot %d", use, i)
			seen[id] = true
			assert.Contains(t, text, `"path":"/p/0000000012"`)
			assert.Contains(t, text, `"id":"0000000034","key":"0000000012","t":"1795189329725000000"`)
			assert.NotContains(t, text, "~")
			s.next += n
		}
	}
	assert.Len(t, payload(300, false), 300)
}

func TestHistogramIsWithinOnePercent(t *testing.T) {
	var h, half histogram
	for i := 1; i <= 100_000; i++ {
		d := time.Duration(i) * time.Microsecond
		if i%2 == 0 {
			h.record(d)
		} else {
			half.record(d)
		}
	}
	h.merge(&half)
	for q, want := range map[float64]float64{0: 1, 0.5: 50_000, 0.9: 90_000, 0.99: 99_000, 0.999: 99_900, 1: 100_000} {
		assert.InEpsilon(t, want, micros(h.quantile(q)), 0.02, "quantile %v", q)
	}
	assert.Equal(t, 100*time.Millisecond, h.max)
	assert.InEpsilon(t, 50_000, micros(h.mean()), 0.001)
	var empty histogram
	assert.Zero(t, empty.quantile(0.5))
	assert.Zero(t, empty.mean())
	for _, ns := range []uint64{0, 1, 127, 128, 129, 255, 256, 1 << 40, 1<<63 - 1} {
		assert.LessOrEqual(t, ns, uint64(upper(bucket(ns))))
	}
}

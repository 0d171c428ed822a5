package crash

import (
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/tests/testhost"
)

// hostile frames: the first ones end the reference server's process, one frame
// each (spec, appendix A); the others are their neighbours.
var hostile = []struct{ name, frame string }{
	{"null", `null`},
	{"configure-session without data", `{"action":"configure-session","eventId":1}`},
	{"configure-session without a protocol", `{"action":"configure-session","eventId":1,"data":{}}`},
	{"configure-session with a numeric protocol", `{"action":"configure-session","eventId":1,"data":{"protocol":4}}`},
	{"login without data", `{"action":"login","eventId":1}`},
	{"get with the count option", `{"action":"get","eventId":1,"path":"/a/*","options":{"options":{"count":true}}}`},
	{"set with null meta", `{"action":"set","eventId":1,"path":"/a","data":1,"options":{"meta":null}}`},
	{"get with a numeric path", `{"action":"get","eventId":1,"path":5}`},
	{"change-password before login", `{"action":"change-password","eventId":1,"data":{"oldPassword":"a","newPassword":"b"}}`},
	{"on with a numeric path", `{"action":"on","eventId":1,"path":5}`},
	{"off without a path", `{"action":"off","eventId":1}`},
	{"count without a path", `{"action":"count","eventId":1}`},
	{"request-nonce without data", `{"action":"request-nonce","eventId":1}`},
	{"options that are text", `{"action":"set","eventId":1,"path":"/a","data":1,"options":"x"}`},
	{"options that are a list", `{"action":"set","eventId":1,"path":"/a","data":1,"options":[1]}`},
	{"options that are a number", `{"action":"get","eventId":1,"path":"/a","options":5}`},
	{"a numeric action", `{"action":5,"eventId":1}`},
	{"criteria that are text", `{"action":"get","eventId":1,"path":"/a/*","options":{"criteria":"x"}}`},
	{"$in without a list", `{"action":"get","eventId":1,"path":"/a/*","options":{"criteria":{"a":{"$in":5}}}}`},
	{"$and without a list", `{"action":"get","eventId":1,"path":"/a/*","options":{"criteria":{"$and":5}}}`},
	{"a broken expression", `{"action":"get","eventId":1,"path":"/a/*","options":{"criteria":{"a":{"$regex":"("}}}}`},
	{"an expression that takes exponential time", `{"action":"get","eventId":1,"path":"/a/*","options":{"criteria":{"a":{"$regex":"^(a+)+$"}}}}`},
	{"configure-session with null data", `{"action":"configure-session","eventId":1,"data":null}`},
	{"configure-session with a list", `{"action":"configure-session","eventId":1,"data":[]}`},
	{"login with text", `{"action":"login","eventId":1,"data":"x"}`},
	{"login with deep info", `{"action":"login","eventId":1,"data":{"info":` + deep(500) + `}}`},
	{"a numeric ack", `{"action":"ack","eventId":1,"data":5}`},
	{"an ack without data", `{"action":"ack","eventId":1}`},
	{"an event id that is an object", `{"action":"get","eventId":{"a":1},"path":"/a"}`},
	{"an event id that is enormous", `{"action":"get","eventId":1e308,"path":"/a"}`},
	{"a session id that is an object", `{"action":"get","eventId":1,"path":"/a","sessionId":{"a":[1]}}`},
	{"target clients that are text", `{"action":"set","eventId":1,"path":"/a","data":1,"options":{"targetClients":"x"}}`},
	{"consistency that is text", `{"action":"set","eventId":1,"path":"/a","data":1,"options":{"consistency":"x"}}`},
	{"negative consistency", `{"action":"set","eventId":1,"path":"/a","data":1,"options":{"consistency":-1}}`},
	{"an increment of text", `{"action":"set","eventId":1,"path":"/a","data":"g","options":{"increment":"5"}}`},
	{"an increment of a path", `{"action":"set","eventId":1,"path":"/a","data":"__proto__.x","options":{"increment":1}}`},
	{"a sort that is text", `{"action":"get","eventId":1,"path":"/a/*","options":{"options":{"sort":"x"}}}`},
	{"a negative skip", `{"action":"get","eventId":1,"path":"/a/*","options":{"options":{"skip":-5,"limit":-5}}}`},
	{"an enormous limit", `{"action":"get","eventId":1,"path":"/a/*","options":{"options":{"skip":1e300,"limit":1e300}}}`},
	{"fields that are a number", `{"action":"get","eventId":1,"path":"/a/*","options":{"fields":5}}`},
	{"a negative depth", `{"action":"on","eventId":1,"path":"/ALL@/a/**","options":{"depth":-1}}`},
	{"an enormous depth", `{"action":"on","eventId":1,"path":"/ALL@/a/**","options":{"depth":1e12}}`},
	{"a depth that is text", `{"action":"on","eventId":1,"path":"/ALL@/a/**","options":{"depth":"x"}}`},
	{"an off with an object for a reference", `{"action":"off","eventId":1,"path":"/ALL@/a","options":{"referenceId":{}}}`},
	{"a path of a megabyte", `{"action":"get","eventId":1,"path":"/` + strings.Repeat("a/", 500_000) + `"}`},
	{"a subscription of many wildcards", `{"action":"on","eventId":1,"path":"/ALL@` + strings.Repeat("/*", 2000) + `"}`},
	{"a get of many wildcards", `{"action":"get","eventId":1,"path":"` + strings.Repeat("*a", 2000) + `"}`},
	{"deep data", `{"action":"set","eventId":1,"path":"/a","data":` + deep(100_000) + `}`},
	{"deep criteria", `{"action":"get","eventId":1,"path":"/a/*","options":{"criteria":` + strings.Repeat(`{"$and":[`, 5000) + `{}` + strings.Repeat(`]}`, 5000) + `}}`},
	{"the same member twice", `{"action":"get","action":"set","eventId":1,"eventId":2,"path":"/a","path":5,"data":1}`},
	{"__proto__", `{"action":"set","eventId":1,"path":"/a","data":{"__proto__":{"x":1}},"options":{"__proto__":{"noStore":true}}}`},
	{"nothing", ``},
	{"blanks", "  \n\t "},
	{"half a frame", `{"action":"get","eventId":1,"path":"/a"`},
	{"two frames in one", `{"action":"get","eventId":1,"path":"/a"}{"action":"get"}`},
	{"a heartbeat without its time", `"primus::ping::"`},
	{"an answer to no heartbeat", `"primus::pong::x"`},
	{"a close from the wrong side", `"primus::server::close"`},
	{"half a heartbeat", `"primus::`},
	{"nul bytes", "\x00\x00\x00"},
}

func deep(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }

func skipReference(t *testing.T) {
	t.Helper()
	if testhost.Reference() {
		t.Skip("these frames end the reference server's process")
	}
}

func TestNoFrameDisturbsTheNeighbours(t *testing.T) {
	skipReference(t)
	server := testhost.Start(t, testhost.Settings{})
	innocent := dial(t, server)
	configure(t, innocent)
	for _, configured := range []bool{true, false} {
		for i, h := range hostile {
			t.Run(fmt.Sprintf("%s, configured %t", h.name, configured), func(t *testing.T) {
				ws := dial(t, server)
				if configured {
					configure(t, ws)
				}
				require.NoError(t, ws.WriteMessage(websocket.TextMessage, []byte(h.frame)))
				goesOn(t, ws)
				works(t, innocent, 10_000+i)
				assert.True(t, server.Running())
			})
		}
	}
}

// goesOn checks that a connection still gets answers, unless the server has
// closed it in an orderly way.
func goesOn(t *testing.T, ws *websocket.Conn) {
	t.Helper()
	const eventID = 777
	request := fmt.Sprintf(`{"action":"describe","eventId":%d,"data":null}`, eventID)
	if ws.WriteMessage(websocket.TextMessage, []byte(request)) != nil {
		return
	}
	require.NoError(t, ws.SetReadDeadline(time.Now().Add(patience)))
	for {
		_, frame, err := ws.ReadMessage()
		if err != nil {
			assert.IsType(t, &websocket.CloseError{}, err, "the connection ended without a close frame")
			return
		}
		assert.NotContains(t, string(frame), "goroutine ")
		assert.NotContains(t, string(frame), `"stack"`)
		if eventOf(frame) == eventID {
			return
		}
	}
}

// works checks that a client can write, read and hear.
func works(t *testing.T, ws *websocket.Conn, n int) {
	t.Helper()
	answer := ask(t, ws, n, fmt.Sprintf(`{"action":"set","eventId":%d,"path":"/innocent","data":{"n":%d}}`, n, n))
	assert.Contains(t, string(answer), `"status":"ok"`)
	answer = ask(t, ws, n+1, fmt.Sprintf(`{"action":"get","eventId":%d,"path":"/innocent"}`, n+1))
	assert.Contains(t, string(answer), fmt.Sprintf(`"n":%d`, n))
}

// illegal byte sequences, sent after the handshake in place of a frame. All
// frames of a client are masked; a mask of zeros leaves the payload as it is.
var illegal = []struct {
	name  string
	bytes []byte
}{
	{"reserved bits", []byte{0xf1, 0x80, 0, 0, 0, 0}},
	{"an unknown opcode", []byte{0x83, 0x80, 0, 0, 0, 0}},
	{"no mask", []byte{0x81, 0x02, '{', '}'}},
	{"a fragmented ping", []byte{0x09, 0x80, 0, 0, 0, 0}},
	{"a ping that is too long", append([]byte{0x89, 0xfe, 0, 126, 0, 0, 0, 0}, make([]byte, 126)...)},
	{"a continuation of nothing", []byte{0x80, 0x80, 0, 0, 0, 0}},
	{"text that is not UTF-8", []byte{0x81, 0x84, 0, 0, 0, 0, '"', 0xff, 0xfe, '"'}},
	{"the promise of 2^62 bytes", binary.BigEndian.AppendUint64([]byte{0x81, 0xff}, 1<<62)},
	{"a negative length", binary.BigEndian.AppendUint64([]byte{0x81, 0xff}, 1<<63)},
	{"a close with half a code", []byte{0x88, 0x81, 0, 0, 0, 0, 3}},
	{"a compressed frame nobody agreed on", []byte{0xc1, 0x82, 0, 0, 0, 0, '{', '}'}},
	{"a torn frame", []byte{0x81, 0xfe, 0x10}},
}

func TestNoBytesDisturbTheNeighbours(t *testing.T) {
	skipReference(t)
	server := testhost.Start(t, testhost.Settings{})
	innocent := dial(t, server)
	configure(t, innocent)
	for i, b := range illegal {
		t.Run(b.name, func(t *testing.T) {
			ws := dial(t, server)
			conn := ws.NetConn()
			_, err := conn.Write(b.bytes)
			require.NoError(t, err)
			// What is torn ends when we hang up; what is illegal, when the server does.
			require.NoError(t, conn.(*net.TCPConn).CloseWrite())
			require.NoError(t, ws.SetReadDeadline(time.Now().Add(patience)))
			for err = nil; err == nil; {
				_, _, err = ws.ReadMessage()
			}
			var late net.Error
			assert.NotErrorAs(t, err, &late, "the server keeps the connection")
			works(t, innocent, 20_000+2*i)
			assert.True(t, server.Running())
		})
	}
}

func TestHalfOpenHandshakesDisturbNobody(t *testing.T) {
	skipReference(t)
	server := testhost.Start(t, testhost.Settings{})
	innocent := dial(t, server)
	configure(t, innocent)
	for _, bytes := range []string{"", "GET /primus HT", "GET /primus HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n", "\x16\x03\x01\x02\x00\x01"} {
		conn, err := net.Dial("tcp", server.Addr())
		require.NoError(t, err)
		defer conn.Close()
		_, err = conn.Write([]byte(bytes))
		require.NoError(t, err)
	}
	works(t, innocent, 100)
}

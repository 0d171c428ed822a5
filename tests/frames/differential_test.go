package frames

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/tests/testhost"
)

const (
	defaultSteps = 1500 // HAPPN_DIFFERENTIAL_STEPS asks for more
	twins        = 3
)

// TestRandomRequestsAreAnsweredAlike sends one random history of requests to
// the reference server and to the host, and compares every frame that comes
// back. The history keeps away from the differences of docs/differences.md.
// HAPPN_DIFFERENTIAL_SEED repeats a history.
func TestRandomRequestsAreAnsweredAlike(t *testing.T) {
	skipReference(t)
	randomRequestsAreAnsweredAlike(t, defaultSteps)
}

// randomRequestsAreAnsweredAlike takes flags of the host beside the usual ones.
func randomRequestsAreAnsweredAlike(t *testing.T, defaultSteps int, args ...string) {
	t.Helper()
	seed := uint64(number(t, "HAPPN_DIFFERENTIAL_SEED", int(time.Now().UnixNano()&0x7fffffff)))
	steps := number(t, "HAPPN_DIFFERENTIAL_STEPS", defaultSteps)
	t.Logf("HAPPN_DIFFERENTIAL_SEED=%d", seed)
	settings := testhost.Settings{Name: serverName}
	d := &differential{t: t, history: newHistory(seed), tokens: newTokens()}
	d.matcher = &matcher{tokens: d.tokens, started: time.Now(), extras: true}
	reference := testhost.StartReference(t, settings)
	settings.Args = args
	host := testhost.Start(t, settings)
	for range twins {
		tw := &twin{
			reference: dial(t, "ws://"+reference.Addr()+"/primus?_primuscb=twin"),
			host:      dial(t, "ws://"+host.Addr()+"/primus?_primuscb=twin"),
		}
		d.twins = append(d.twins, tw)
		d.step(tw, `{"action":"configure-session","eventId":1,"data":{"protocol":"happn_4","version":"x","browser":false}}`)
		answers := d.step(tw, `{"action":"login","eventId":2,"data":{"info":{}}}`)
		d.history.sessions = append(d.history.sessions, uuid.FindString(answers[0]))
	}
	for n := range steps {
		d.step(d.twins[n%twins], d.history.request(n%twins))
	}
}

func number(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, variable)
	return n
}

// twin is one client, connected to both servers.
type twin struct{ reference, host *conn }

type differential struct {
	t       *testing.T
	history *history
	twins   []*twin
	tokens  *tokens
	matcher *matcher
	fence   int
}

// step sends one request to both servers and compares what all clients get. It
// returns what the reference sent to the one that asked.
func (d *differential) step(asking *twin, request string) []string {
	d.t.Helper()
	nextMillisecond()
	asking.reference.send(d.t, websocket.TextMessage, request)
	asking.host.send(d.t, websocket.TextMessage, d.tokens.toLive(request))
	mark := eventMark.FindString(request)
	asked := d.until(asking.reference, mark)
	for _, answer := range asked {
		d.history.learn(request, answer)
	}
	d.compare(request, asked, d.until(asking.host, mark))
	// Publications are on their way before the answer is. What else has come is
	// there when one more request has been answered.
	for _, tw := range d.twins {
		d.compare(request, d.fenced(tw.reference), d.fenced(tw.host))
	}
	return asked
}

var eventMark = regexp.MustCompile(`"eventId":\d+`)

func (d *differential) fenced(c *conn) []string {
	d.t.Helper()
	d.fence++
	mark := fmt.Sprintf(`"eventId":%d`, 1_000_000+d.fence)
	c.send(d.t, websocket.TextMessage, `{"action":"ack",`+mark+`,"data":"fence"}`)
	frames := d.until(c, mark)
	return frames[:len(frames)-1]
}

// until returns the frames that come up to the answer to the request so marked.
func (d *differential) until(c *conn, mark string) []string {
	d.t.Helper()
	deadline := time.After(patience)
	var frames []string
	for {
		frame := c.next(d.t, deadline, "the answer with "+mark)
		frames = append(frames, frame)
		if eventMark.FindString(frame) == mark && !strings.Contains(frame, `"type":"data"`) {
			return frames
		}
	}
}

func (d *differential) compare(request string, reference, host []string) {
	d.t.Helper()
	group := make([]expected, len(reference))
	for i, frame := range reference {
		group[i].frame = frame
	}
	for _, live := range host {
		require.NotEmpty(d.t, group, "only the host sent %s\n after %s", clip(live), request)
		rest, err := d.matcher.take(group, live, false)
		if err != nil && os.Getenv("DBG") != "" {
			for _, c := range []*conn{d.twins[0].reference, d.twins[0].host} {
				c.send(d.t, websocket.TextMessage, `{"action":"get","eventId":999,"path":"/f/*"}`)
				d.t.Log(d.until(c, `"eventId":999`))
			}
		}
		require.NoError(d.t, err, "after %s\n reference: %s\n host: %s", request, clip(group[0].frame), clip(d.tokens.toRecorded(live)))
		group = rest
	}
	require.Empty(d.t, group, "only the reference sent this after %s", request)
}

// history makes requests.
type history struct {
	random   *rand.Rand
	eventID  int
	sessions []string
	open     []subscription
}

type subscription struct {
	client             int
	channel, reference string
}

func newHistory(seed uint64) *history {
	return &history{random: rand.New(rand.NewPCG(seed, seed)), eventID: 10}
}

func (h *history) pick(choices ...string) string { return choices[h.random.IntN(len(choices))] }

func (h *history) often(percent int) bool { return h.random.IntN(100) < percent }

// request is the next request of a client.
func (h *history) request(client int) string {
	h.eventID++
	head := fmt.Sprintf(`"eventId":%d,"sessionId":"%s"`, h.eventID, h.sessions[client])
	if h.often(3) {
		head = fmt.Sprintf(`"eventId":%d`, h.eventID)
	}
	switch n := h.random.IntN(100); {
	case n < 40:
		return h.set(head)
	case n < 60:
		return h.get(head)
	case n < 66:
		return fmt.Sprintf(`{"action":"count",%s,"path":"%s","options":{%s}}`, head, h.pathOrPattern(), h.selection())
	case n < 74:
		return fmt.Sprintf(`{"action":"remove",%s,"path":"%s","options":{%s}}`, head, h.pathOrPattern(), h.removal())
	case n < 90:
		return h.on(client, head)
	default:
		return h.off(client, head)
	}
}

func (h *history) path() string {
	segments := make([]string, 1+h.random.IntN(3))
	for i := range segments {
		segments[i] = h.pick("a", "b", "A", "ab")
	}
	path := h.pick("/f/", "/f/", "/f/", "f/") + strings.Join(segments, "/")
	if h.often(3) {
		path += "/"
	}
	return path
}

func (h *history) pathOrPattern() string {
	return h.pick(h.path(), "/f/*", "/f/a*", "/f/*/b", "f/*", "/f/**", "/f*", "*/b", "/f/*b*", "/f/")
}

func (h *history) data() string {
	return h.pick(
		fmt.Sprintf(`{"n":%d}`, h.random.IntN(5)),
		fmt.Sprintf(`{"n":%d,"s":"%s","l":[%d,%d]}`, h.random.IntN(5), h.pick("x", "y", "Z", ""), h.random.IntN(3), h.random.IntN(3)),
		fmt.Sprintf(`{"s":"%s","o":{"k":%d,"p":{"q":true}}}`, h.pick("x", "y"), h.random.IntN(3)),
		`"text"`, `5`, `true`, `[1,"two",{"three":3}]`, `{}`, `null`, `{"_meta":{"x":1},"n":1}`, `{"value":3,"path":"x","created":1}`,
		`"\u2028\ud83d\ude00"`,
	)
}

func (h *history) set(head string) string {
	var options []string
	add := func(percent int, option string) {
		if h.often(percent) {
			options = append(options, option)
		}
	}
	data := h.data()
	add(10, `"noStore":true`)
	add(10, `"noPublish":true`)
	add(10, `"noDataResponse":true`)
	add(25, `"merge":true`)
	add(10, `"meta":{"my":1,"created":5,"type":"x","deep":{"a":[]}}`)
	add(10, `"consistency":2`)
	add(10, fmt.Sprintf(`"targetClients":["%s"]`, h.sessions[h.random.IntN(len(h.sessions))]))
	add(5, fmt.Sprintf(`"upsertType":%d`, 3*h.random.IntN(2)))
	add(5, `"nullValue":true`)
	add(10, `"timeout":60000,"unknown":{"option":1}`)
	path := h.path()
	if h.often(10) {
		path, data = "/gauge/"+h.pick("a", "b"), `"`+h.pick("g", "h")+`"`
		options = []string{fmt.Sprintf(`"increment":%d`, h.random.IntN(7)-3)}
	}
	return fmt.Sprintf(`{"action":"set",%s,"path":"%s","data":%s,"options":{%s}}`, head, path, data, strings.Join(options, ","))
}

func (h *history) get(head string) string {
	path, selection := h.pathOrPattern(), h.selection()
	if strings.Contains(selection, "fields") && !strings.Contains(path, "*") {
		path += "*" // of a single document without the fields, the reference sends no data
	}
	return fmt.Sprintf(`{"action":"get",%s,"path":"%s","options":{%s}}`, head, path, selection)
}

// selection is what limits a get or count. It asks numbers for n and texts for
// s, whose meaning all stores share.
func (h *history) selection() string {
	var outer, inner []string
	if h.often(40) {
		outer = append(outer, `"criteria":`+h.criteria())
	}
	if h.often(30) {
		inner = append(inner, `"sort":`+h.pick(`{"path":-1}`, `{"_meta.created":-1}`, `{"modified":1}`, `{"modified":"x","path":-1}`))
	}
	if h.often(20) {
		inner = append(inner, fmt.Sprintf(`"limit":%s`, h.pick("0", "1", "3", `"2"`, "-1")))
	}
	if h.often(20) {
		inner = append(inner, fmt.Sprintf(`"skip":%d`, h.random.IntN(4)))
	}
	if h.often(10) {
		inner = append(inner, `"path_only":true`)
	} else if h.often(15) {
		inner = append(inner, `"fields":`+h.pick(`{"n":1,"path":1}`, `{"path":1,"_meta.created":1}`, `{"data.s":1,"path":1,"modified":1}`, `{"o.p":1,"path":1}`))
	}
	if len(inner) > 0 {
		outer = append(outer, `"options":{`+strings.Join(inner, ",")+`}`)
	}
	return strings.Join(outer, ",")
}

func (h *history) criteria() string {
	n := h.random.IntN(5)
	return h.pick(
		`{}`,
		fmt.Sprintf(`{"n":%d}`, n),
		fmt.Sprintf(`{"n":{"$%s":%d}}`, h.pick("gt", "gte", "eq", "ne"), n),
		fmt.Sprintf(`{"$and":[{"n":{"$exists":true}},{"n":{"$%s":%d}}]}`, h.pick("lt", "lte"), n),
		fmt.Sprintf(`{"n":{"$%s":[%d,%d]}}`, h.pick("in", "nin"), n, n/2),
		fmt.Sprintf(`{"$or":[{"n":%d},{"s":"x"}]}`, n),
		fmt.Sprintf(`{"$and":[{"n":{"$gte":%d}},{"s":"x"}]}`, n),
		`{"s":{"$exists":true}}`, `{"o":{"$exists":false}}`,
		`{"s":{"$regex":"^[xy]$"}}`, `{"s":{"$regex":["^z","i"]}}`,
		fmt.Sprintf(`{"o.k":%d}`, n), `{"o.p.q":true}`,
		fmt.Sprintf(`{"l":{"$contains":%d}}`, n), `{"l":{"$size":2}}`,
		`{"path":"/f/a"}`, `{"_meta.path":{"$regex":"b$"}}`, `{"_data.n":1}`, `{"data.n":1}`, `{"value":5}`,
	)
}

func (h *history) removal() string {
	return h.pick("", "", `"noPublish":true`, `"criteria":`+h.criteria(), `"meta":{"why":"gone"}`,
		fmt.Sprintf(`"targetClients":["%s"]`, h.sessions[0]))
}

func (h *history) on(client int, head string) string {
	event := h.pick("ALL", "ALL", "SET", "REMOVE")
	if h.often(4) {
		h.open = append(h.open, subscription{client: client, channel: "/ALL@*"})
		return fmt.Sprintf(`{"action":"on",%s,"path":"/ALL@*","data":null,"options":{"count":0}}`, head)
	}
	path := h.pick(h.path(), "/f/*", "/f/*/*", "/f/*/b", "f/a", "/F/*", "/f/a*", "/f/**", "/f/a/**", "/*/*", "/gauge/*")
	options := []string{fmt.Sprintf(`"event_type":"%s","count":0`, strings.ToLower(event))}
	switch {
	case strings.HasSuffix(path, "**"):
		options = append(options, `"depth":3`)
	case path == "/f/*/b":
		event = "SET" // a merge subscriber gets no data of a remove from the reference
		options = append(options, `"merge":true`)
	}
	// The reference's own documents are below other paths.
	if strings.HasPrefix(path, "/f/") && h.often(15) {
		options = append(options, h.pick(`"initialCallback":true`, `"initialEmit":true`))
	}
	if h.often(15) {
		options = append(options, `"meta":{"of":"mine"}`)
	}
	channel := "/" + event + "@" + path
	h.open = append(h.open, subscription{client: client, channel: channel})
	return fmt.Sprintf(`{"action":"on",%s,"path":"%s","data":null,"options":{%s}}`, head, channel, strings.Join(options, ","))
}

// learn takes the reference of a subscription from the answer to its on.
func (h *history) learn(request, answer string) {
	if !strings.HasPrefix(request, `{"action":"on"`) || len(h.open) == 0 {
		return
	}
	last := &h.open[len(h.open)-1]
	if found := referenceIn.FindStringSubmatch(answer); found != nil && last.reference == "" {
		last.reference = found[1]
	}
}

func (h *history) off(client int, head string) string {
	var mine []int
	for i, s := range h.open {
		if s.client == client {
			mine = append(mine, i)
		}
	}
	if len(mine) == 0 || h.often(5) {
		return fmt.Sprintf(`{"action":"off",%s,"path":"*","options":{"referenceId":0}}`, head)
	}
	at := mine[h.random.IntN(len(mine))]
	s := h.open[at]
	h.open = append(h.open[:at:at], h.open[at+1:]...)
	options := fmt.Sprintf(`"referenceId":"%s"`, s.reference)
	if h.often(20) && !strings.Contains(s.channel, "*") {
		options = h.pick(``, `"referenceId":0`, `"referenceId":false`)
	}
	return fmt.Sprintf(`{"action":"off",%s,"path":"%s","data":null,"options":{%s}}`, head, s.channel, options)
}

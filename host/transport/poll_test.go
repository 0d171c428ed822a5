package transport_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/transport"
)

// polled owns a connection over HTTP, and keeps what it is told.
type polled struct {
	poll *transport.Poll

	mu       sync.Mutex
	got      string
	ends     []error
	writable int
}

func (p *polled) Data(b []byte, _ bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got += string(b)
}

func (p *polled) received() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.got
}

func (p *polled) ended() []error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ends
}

func (p *polled) Ended() {}
func (p *polled) Writable() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writable++
}

// asked is how often the peer has asked for bytes, or received some.
func (p *polled) asked() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.writable
}

func (p *polled) Gone()  {}
func (p *polled) Heard() {}
func (p *polled) Closed(err error) {
	p.mu.Lock()
	p.ends = append(p.ends, err)
	p.mu.Unlock()
	p.poll.Close("closed")
}

// polling is a server with one connection over HTTP.
type polling struct {
	t     testing.TB
	url   string // of the connection
	owner *polled
	polls *transport.Polls
	slow  atomic.Int64
}

const pollQueue = 1 << 10

// openPolls serves Polls at /p, and opens a connection.
func openPolls(t testing.TB) *polling {
	t.Helper()
	p := &polling{t: t}
	life, end := context.WithCancel(context.Background())
	var taken atomic.Bool
	owners := make(chan *polled, 1)
	polls := transport.NewPolls(transport.PollOptions{
		QueueBytes: pollQueue, BodyBytes: 100, WriteTimeout: 5 * time.Second, Life: life, SlowReaders: &p.slow,
		Full:    taken.Load,
		Allowed: func(r *http.Request) bool { return r.Header.Get("Origin") != "http://foreign.example" },
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		polls.Serve(w, r, "/p", func(poll *transport.Poll, _ transport.Info) (transport.PollOwner, error) {
			taken.Store(true)
			owner := &polled{poll: poll}
			owners <- owner
			return owner, nil
		})
	}))
	t.Cleanup(func() {
		end()
		server.Close()
	})
	p.url = server.URL + "/p"
	status, body, _ := p.do(t.Context(), "POST", "", "hello")
	require.Equal(t, http.StatusCreated, status, body)
	var opened struct{ ID string }
	require.NoError(t, json.Unmarshal([]byte(body), &opened))
	p.url += "/" + opened.ID
	p.owner, p.polls = <-owners, polls
	return p
}

// do returns the status and the body of an answer, and where the next one begins.
func (p *polling) do(ctx context.Context, method, query, body string) (int, string, string) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, p.url+query, strings.NewReader(body))
	require.NoError(p.t, err)
	answer, err := http.DefaultClient.Do(r)
	if errors.Is(err, context.Canceled) {
		return 0, "", ""
	}
	require.NoError(p.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(p.t, err)
	return answer.StatusCode, string(text), answer.Header.Get("Happn-Next")
}

func (p *polling) send(text string) { p.owner.poll.Send([]byte(text), false) }

// get expects an answer, and returns where the next one begins.
func (p *polling) get(query, want string) (next string) {
	p.t.Helper()
	status, body, next := p.do(p.t.Context(), "GET", query, "")
	require.Equal(p.t, http.StatusOK, status, body)
	require.Equal(p.t, want, body)
	return next
}

func (p *polling) refused(query string, status int, says string) {
	p.t.Helper()
	got, body, _ := p.do(p.t.Context(), "GET", query, "")
	require.Equal(p.t, status, got, body)
	require.Contains(p.t, body, says)
}

func TestPollsGiveWhatIsQueued(t *testing.T) {
	p := openPolls(t)
	require.Equal(t, "hello", p.owner.received())
	status, _, _ := p.do(t.Context(), "POST", "", " there")
	require.Equal(t, http.StatusNoContent, status)
	require.Equal(t, "hello there", p.owner.received())
	p.send("one")
	p.send("two")
	p.get("", "onetwo")
	p.send("three")
	p.get("", "three")
	// The peer has read the answer a moment before the host knows that it was written.
	require.Eventually(t, func() bool { return p.owner.poll.QueuedBytes() == 0 }, 10*time.Second, time.Millisecond)
	require.Positive(t, p.owner.asked())
	p.send("bye")
	p.owner.poll.Close("enough")
	p.get("", "bye")
	p.refused("", http.StatusGone, "the connection is over: enough")
	p.refused("", http.StatusNotFound, "no such connection")
}

func TestPollsGiveAgainWhatAPeerHasNotReceived(t *testing.T) {
	p := openPolls(t)
	p.send("one")
	next := p.get("?from=0", "one")
	require.Equal(t, "3", next)
	p.send("two")
	p.get("?from=0", "onetwo") // the first answer did not arrive
	p.get("?from=3", "two")    // the first did, the second did not
	p.send("three")
	p.get("", "three") // who names no place has what was written to it
	p.refused("?from=2", http.StatusBadRequest, "from is a place from 6 to 11")
	p.refused("?from=12", http.StatusBadRequest, "from 6 to 11")
	for _, bad := range []string{"-1", "x", "18446744073709551616", ""} {
		p.refused("?from="+bad, http.StatusBadRequest, "from is a place")
	}
}

func TestARequestThatIsGivenUpLosesNothing(t *testing.T) {
	p := openPolls(t)
	from := 0
	for n := range 50 {
		ctx, giveUp := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() { p.do(ctx, "GET", fmt.Sprint("?from=", from), "") })
		text := fmt.Sprint("answer ", n)
		all.Go(func() { p.send(text) })
		giveUp() // before it waits, while it does, or with its answer on the way
		all.Wait()
		require.Equal(t, fmt.Sprint(from+len(text)), p.get(fmt.Sprint("?from=", from), text))
		from += len(text)
	}
}

func TestANewerRequestTakesThePlaceOfTheOneThatWaits(t *testing.T) {
	p := openPolls(t)
	older := make(chan int, 1)
	go func() {
		status, _, _ := p.do(t.Context(), "GET", "", "")
		older <- status
	}()
	require.Eventually(t, func() bool { return p.owner.asked() > 0 }, 5*time.Second, time.Millisecond)
	go func() {
		require.Equal(t, http.StatusConflict, <-older)
		p.send("for the newer")
	}()
	p.get("", "for the newer")
}

func TestAPeerThatDoesNotPollIsClosed(t *testing.T) {
	p := openPolls(t)
	p.send(strings.Repeat("x", pollQueue))
	p.send("y")
	require.Len(t, p.owner.ended(), 1)
	require.ErrorContains(t, p.owner.ended()[0], "too slowly")
	require.EqualValues(t, 1, p.slow.Load())
	p.send("z")
	require.EqualValues(t, 1, p.slow.Load(), "once")
	p.get("", strings.Repeat("x", pollQueue))
	p.refused("", http.StatusGone, "too slowly")
}

func TestAPeerThatDoesNotReadItsAnswerKeepsNothingElse(t *testing.T) {
	p := openPolls(t)
	huge := strings.Repeat("x", 16<<20) // more than the buffers of sockets; one message may be
	p.send(huge)
	conn, err := net.Dial("tcp", strings.Split(strings.TrimPrefix(p.url, "http://"), "/")[0])
	require.NoError(t, err)
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", p.url)
	require.NoError(t, err)
	begun := make([]byte, 1)
	_, err = conn.Read(begun)
	require.NoError(t, err)
	p.refused("", http.StatusConflict, "?from=0 asks for the same again")
	p.get("?from=0", huge)
}

func TestPollsRefuse(t *testing.T) {
	p := openPolls(t)
	own, _, _ := strings.Cut(p.url, "/p/")
	for _, c := range []struct {
		method, url, origin, body string
		status                    int
	}{
		{"PUT", p.url, "", "", http.StatusMethodNotAllowed},
		{"GET", own + "/p", "", "", http.StatusMethodNotAllowed},
		{"POST", own + "/p", "", "", http.StatusServiceUnavailable}, // there is one already
		{"POST", own + "/p/", "", "x", http.StatusNotFound},
		{"GET", own + "/p/other", "", "", http.StatusNotFound},
		{"POST", p.url, "", strings.Repeat("x", 101), http.StatusRequestEntityTooLarge},
		{"POST", p.url, "http://foreign.example", "x", http.StatusForbidden},
	} {
		r, err := http.NewRequestWithContext(t.Context(), c.method, c.url, strings.NewReader(c.body))
		require.NoError(t, err)
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		answer, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, c.status, answer.StatusCode, "%+v", c)
	}
	require.Equal(t, "hello", p.owner.received(), "nothing of it was taken")
	require.Equal(t, 1, p.polls.Open())
	status, _, _ := p.do(t.Context(), "DELETE", "", "")
	require.Equal(t, http.StatusNoContent, status)
	require.Equal(t, []error{nil}, p.owner.ended())
	status, _, _ = p.do(t.Context(), "POST", "", "x")
	require.Equal(t, http.StatusGone, status)
	require.Zero(t, p.polls.Open())
}

// FuzzPolls sends whatever requests to a connection, and expects that its bytes
// come in order, each at least once.
func FuzzPolls(f *testing.F) {
	f.Add("GET", "/p/ID", "from=0", "", "abc")
	f.Add("GET", "/p/ID", "from=99&from=x", "", "")
	f.Add("POST", "/p/ID", "", "bytes", "abc")
	f.Add("POST", "/p", "", "bytes", "abc")
	f.Add("DELETE", "/p/ID", "", "", "abc")
	f.Add("GET", "/p//ID/", "from=%00;", "", "x")
	f.Fuzz(func(t *testing.T, method, path, query, body, sent string) {
		var slow atomic.Int64
		life, end := context.WithCancel(context.Background())
		end() // nobody waits
		polls := transport.NewPolls(transport.PollOptions{
			QueueBytes: pollQueue, BodyBytes: 100, WriteTimeout: time.Second, Life: life, SlowReaders: &slow,
			Full: func() bool { return false }, Allowed: func(*http.Request) bool { return true },
		})
		var owner *polled
		serve := func(method, path, query, body string) *httptest.ResponseRecorder {
			r := httptest.NewRequest("GET", "/", strings.NewReader(body))
			r.Method, r.URL.Path, r.URL.RawQuery = method, path, query
			w := httptest.NewRecorder()
			polls.Serve(w, r, "/p", func(poll *transport.Poll, _ transport.Info) (transport.PollOwner, error) {
				owner = &polled{poll: poll}
				return owner, nil
			})
			return w
		}
		var opened struct{ ID string }
		require.NoError(t, json.Unmarshal(serve("POST", "/p", "", "").Body.Bytes(), &opened))
		mine := owner
		mine.poll.Send([]byte(sent), false)
		answer := serve(method, strings.ReplaceAll(path, "ID", opened.ID), query, body)
		require.GreaterOrEqual(t, answer.Code, 200)
		got := ""
		if answer.Code == http.StatusOK {
			got = answer.Body.String()
		} else if mine.poll.QueuedBytes() > 0 {
			got = serve("GET", "/p/"+opened.ID, "from=0", "").Body.String()
		}
		if len(sent) > 0 && len(mine.ends) == 0 {
			require.Equal(t, sent, got)
		}
	})
}

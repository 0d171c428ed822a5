package hook

import (
	"fmt"
	"net"
	"path"
	"strings"
	"time"

	"github.com/happn-host/happn-host/host/plugin/object"
)

// Protocol says which connections a plugin speaks for. Only an operator's
// file says where they come from.
type Protocol struct {
	Listen []Endpoint
}

// Endpoint is one place that connections come to: TCP, Websocket or HTTP is set.
type Endpoint struct {
	// Name is what the plugin knows it by; without one it is the address or path.
	Name string
	// TCP is the address to listen on. With TLS connections are encrypted, by the
	// host's certificate.
	TCP string
	TLS bool
	// Websocket is a path of the host's HTTP server. A websocket carries messages,
	// unless Stream says that its binary messages are pieces of a stream of bytes.
	Websocket    string
	Subprotocols []string // to choose from, the best first; empty is none
	Stream       bool
	// HTTP is a path for long polling.
	HTTP string
	// Idle is how long a peer may say nothing; 0 is for ever, but for HTTP.
	Idle time.Duration
}

// pollIdle is how long a connection over HTTP may go without a request if its
// endpoint does not say.
const pollIdle = time.Minute

// Transport names what carries the endpoint's connections.
func (e *Endpoint) Transport() string {
	switch {
	case e.TCP != "":
		return "tcp"
	case e.Websocket != "":
		return "websocket"
	}
	return "http"
}

// Place is where the endpoint is, which nobody else can be.
func (e *Endpoint) Place() string { return e.TCP + e.Websocket + e.HTTP }

// Messages reports whether connections carry messages, and no stream of bytes.
func (e *Endpoint) Messages() bool { return e.Websocket != "" && !e.Stream }

func readProtocol(t *object.Reader) *Protocol {
	h := &Protocol{}
	seen := map[string]bool{}
	t.Objects("listen", func(l *object.Reader) {
		e := readEndpoint(l)
		if seen[e.Place()] {
			l.Fail("name", "%s occurs twice; connections to one place have one endpoint", e.Place())
		}
		seen[e.Place()] = true
		h.Listen = append(h.Listen, e)
	})
	return h
}

func readEndpoint(t *object.Reader) Endpoint {
	var e Endpoint
	t.Text("name", &e.Name)
	t.Text("tcp", &e.TCP)
	t.Bool("tls", &e.TLS)
	t.Text("websocket", &e.Websocket)
	e.Subprotocols, _ = t.Texts("subprotocols")
	t.Bool("stream", &e.Stream)
	t.Text("http", &e.HTTP)
	t.Duration("idle", 24*time.Hour, &e.Idle)
	if e.HTTP != "" && e.Idle == 0 {
		e.Idle = pollIdle
	}
	if e.Name == "" {
		e.Name = e.Place()
	}
	if err := e.check(); err != nil {
		t.Fail("name", "%s", err)
	}
	return e
}

// check says what is wrong with an endpoint.
func (e *Endpoint) check() error {
	places := 0
	for _, place := range []string{e.TCP, e.Websocket, e.HTTP} {
		if place != "" {
			places++
		}
	}
	if places != 1 {
		return fmt.Errorf("an endpoint has one of tcp, websocket and http")
	}
	if e.TCP != "" {
		if _, _, err := net.SplitHostPort(e.TCP); err != nil {
			return fmt.Errorf("tcp: %q is not an address such as 127.0.0.1:7000", e.TCP)
		}
	} else if err := checkEndpointPath(e.Websocket + e.HTTP); err != nil {
		return err
	}
	switch {
	case e.TLS && e.TCP == "":
		return fmt.Errorf("tls belongs to tcp; paths are as encrypted as the host's HTTP server")
	case (e.Stream || len(e.Subprotocols) > 0) && e.Websocket == "":
		return fmt.Errorf("stream and subprotocols belong to websocket")
	}
	for _, s := range e.Subprotocols {
		if !IsToken(s) {
			return fmt.Errorf("subprotocols: %q is not valid", s)
		}
	}
	return nil
}

// checkEndpointPath refuses paths that are the host's own.
func checkEndpointPath(p string) error {
	if p[0] != '/' || path.Clean(p) != p || p == "/" {
		return fmt.Errorf("%q is not a path such as /mqtt, without a slash at its end", p)
	}
	for _, own := range []string{"/primus", "/ws", "/api", "/auth", "/healthz", "/readyz", "/metrics", "/version", "/ping", "/browser_client"} {
		if p == own || strings.HasPrefix(p, own+"/") || own == "/primus" && strings.HasPrefix(p, own) {
			return fmt.Errorf("the path %s is the host's own; take another", p)
		}
	}
	return nil
}

// with returns h with what the operator says.
func (h *Protocol) with(o *Protocol) *Protocol {
	if h == nil || o == nil || o.Listen == nil {
		return h
	}
	return o
}

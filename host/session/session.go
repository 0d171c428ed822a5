package session

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/happn-host/happn-host/host/protocol"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// Link is the connection under a session. All methods may be called from any
// goroutine and never wait for the peer.
type Link interface {
	// Send queues one frame. The payload is borrowed, unless stable is set:
	// then it never changes and may be kept. Send reports whether the caller
	// must call Flush soon; if not, somebody else has promised to.
	Send(payload []byte, stable bool) (flush bool)

	// Flush lets out what is queued.
	Flush()

	// Close ends the connection after what is queued. code is a websocket
	// close code or 0; with final set the peer is asked not to come back.
	Close(code int, reason string, final bool)
}

// Watched is what a Link may be, too: one that can tell whether the peer has left
// while nobody reads from it.
type Watched interface {
	// Gone looks, without waiting and without reading what the peer has sent.
	// It may be called from any goroutine.
	Gone() bool
}

// Origin says where a session came from; it never changes.
type Origin struct {
	IP       string
	Port     int
	Secure   bool   // TLS, or said to be by a proxy
	TLS      bool   // the socket itself is encrypted
	URL      string // upgrade request, "" if there was none
	Headers  []byte // raw JSON object of the upgrade headers, nil if there were none
	InProc   bool   // not over a socket
	Internal bool   // of the host's own, not a client
	Endpoint string // which endpoint: primus, ws, local, or a plugin's or an agent's name
}

// Session is one connected peer. Methods may be called from any goroutine.
type Session struct {
	ID     string
	Origin Origin
	link   Link
	cipher atomic.Pointer[Cipher] // beside link: who sends looks at both
	opened int64                  // Unix ms

	version   atomic.Uint32 // protocol.Version
	clustered atomic.Bool   // info.clusterName is set
	messages  atomic.Int64  // requests so far
	principal atomic.Pointer[Principal]
	closed    atomic.Bool

	mu         sync.Mutex
	configured bool
	browser    bool
	client     string // version announced by the client
	info       []byte // raw JSON object of the login, nil before
}

// newSession returns a session with a random id (UUID version 4).
func newSession(link Link, origin Origin) *Session {
	return &Session{ID: newID(), Origin: origin, link: link, opened: time.Now().UnixMilli()}
}

func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, see its documentation
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	var text [36]byte
	hex.Encode(text[0:8], b[0:4])
	hex.Encode(text[9:13], b[4:6])
	hex.Encode(text[14:18], b[6:8])
	hex.Encode(text[19:23], b[8:10])
	hex.Encode(text[24:36], b[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}

// ReferencePrefix returns the start of the session's subscription references:
// its id in 22 characters.
func (s *Session) ReferencePrefix() string {
	var raw [16]byte
	digits := s.ID[0:8] + s.ID[9:13] + s.ID[14:18] + s.ID[19:23] + s.ID[24:36]
	_, _ = hex.Decode(raw[:], []byte(digits))
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

// Version returns the protocol that the session speaks.
func (s *Session) Version() protocol.Version { return protocol.Version(s.version.Load()) }

// Clustered reports whether the peer is another node of a cluster.
func (s *Session) Clustered() bool { return s.clustered.Load() }

// Closed reports whether the session has ended.
func (s *Session) Closed() bool { return s.closed.Load() }

// CountMessage counts a request.
func (s *Session) CountMessage() { s.messages.Add(1) }

// Configure applies a configure-session request (happn-wire.md, 4.1).
func (s *Session) Configure(v protocol.Version, client string, browser bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if client == "" {
		client = "unknown"
	}
	s.configured, s.client, s.browser = true, client, browser
	s.version.Store(uint32(v))
}

// Browser reports whether the client said that it runs in a browser.
func (s *Session) Browser() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.browser
}

// Login notes the info of a login request, raw JSON or nil; it is copied.
func (s *Session) Login(info []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.info = append([]byte(nil), info...)
	name, ok := rawjson.Lookup(info, "clusterName")
	s.clustered.Store(ok && protocol.Truthy(name))
}

// Opened returns when the connection was made.
func (s *Session) Opened() time.Time { return time.UnixMilli(s.opened) }

// Close ends the session's connection (see Link.Close).
func (s *Session) Close(code int, reason string, final bool) { s.link.Close(code, reason, final) }

// Watched returns the session's link if it can tell whether the peer has left, or
// nil.
func (s *Session) Watched() Watched {
	watched, _ := s.link.(Watched)
	return watched
}

// Server is what a session's record says of the server.
type Server struct {
	Name       string
	Secure     bool
	CookieName string
	Domain     string // of the cookie, "" for none
	PublicKey  string // to which clients encrypt their login, "" if they are not asked to
}

// AppendRecord appends the session as the login answer shows it (happn-wire.md,
// 2.4).
func (s *Session) AppendRecord(dst []byte, server Server) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	dst = append(dst, `{"msgCount":`...)
	dst = strconv.AppendInt(dst, s.messages.Load(), 10)
	dst = append(dst, `,"id":"`...)
	dst = append(dst, s.ID...)
	dst = append(dst, `","protocol":"`...)
	dst = append(dst, s.Version().String()...)
	dst = append(dst, `","happn":`...)
	dst = server.append(dst)
	if s.Origin.Headers != nil {
		dst = append(dst, `,"headers":`...)
		dst = append(dst, s.Origin.Headers...)
	}
	dst = append(dst, `,"encrypted":`...)
	dst = strconv.AppendBool(dst, s.Origin.TLS)
	dst = s.appendAddress(dst)
	if s.Origin.URL != "" {
		dst = append(dst, `,"url":`...)
		dst = rawjson.AppendString(dst, s.Origin.URL)
	}
	if s.configured {
		dst = append(dst, `,"version":`...)
		dst = rawjson.AppendString(dst, s.client)
	}
	principal := s.Principal()
	if (s.browser || principal != nil) && server.CookieName != "" {
		dst = append(dst, `,"cookieName":`...)
		dst = rawjson.AppendString(dst, server.CookieName)
	}
	if principal != nil && server.Domain != "" {
		dst = append(dst, `,"cookieDomain":`...)
		dst = rawjson.AppendString(dst, server.Domain)
	}
	if len(s.info) > 0 {
		dst = append(dst, `,"info":`...)
		dst = append(dst, s.info...)
	}
	if principal != nil {
		dst = principal.AppendRecord(dst)
	}
	return append(dst, '}')
}

func (s *Session) appendAddress(dst []byte) []byte {
	if s.Origin.InProc {
		return append(dst, `,"address":"intra-proc"`...)
	}
	dst = append(dst, `,"address":{"ip":`...)
	dst = rawjson.AppendString(dst, s.Origin.IP)
	dst = append(dst, `,"secure":`...)
	dst = strconv.AppendBool(dst, s.Origin.Secure)
	dst = append(dst, `,"port":`...)
	dst = strconv.AppendInt(dst, int64(s.Origin.Port), 10)
	return append(dst, '}')
}

// append appends the record of the server inside a session's.
func (v Server) append(dst []byte) []byte {
	dst = append(dst, `{"name":`...)
	dst = rawjson.AppendString(dst, v.Name)
	dst = append(dst, `,"secure":`...)
	dst = strconv.AppendBool(dst, v.Secure)
	if v.PublicKey != "" {
		dst = append(dst, `,"encryptPayloads":true,"publicKey":`...)
		dst = rawjson.AppendString(dst, v.PublicKey)
	}
	return append(dst, '}')
}

// AppendDescription appends the answer to describe (happn-wire.md, 2.3).
func (s *Session) AppendDescription(dst []byte, server Server) []byte {
	dst = append(dst, '{')
	if s.Browser() && server.CookieName != "" {
		dst = append(dst, `"cookieName":`...)
		dst = rawjson.AppendString(dst, server.CookieName)
		dst = append(dst, ',')
	}
	return append(dst, server.append(nil)[1:]...)
}

// AppendReduced appends the session as the subscriptions in an answer to off
// show it: id, protocol and info.
func (s *Session) AppendReduced(dst []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	dst = append(dst, `{"id":"`...)
	dst = append(dst, s.ID...)
	dst = append(dst, `","protocol":"`...)
	dst = append(dst, s.Version().String()...)
	dst = append(dst, '"')
	if len(s.info) > 0 {
		dst = append(dst, `,"info":`...)
		dst = append(dst, s.info...)
	}
	return append(dst, '}')
}

// Speak sets the protocol of a session that has no need to configure itself.
func (s *Session) Speak(v protocol.Version) { s.version.Store(uint32(v)) }

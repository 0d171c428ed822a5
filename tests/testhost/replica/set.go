package replica

import (
	"net"
	"sync"
	"testing"

	"github.com/happn-host/happn-host/tests/testhost"
)

// Set is a replica set of one member.
type Set struct {
	tb       testing.TB
	listener net.Listener
	all      sync.WaitGroup

	server   sync.Mutex // held for one command, and what is looked at around it
	upstream net.Conn
	mirrors  map[string]*mirror // what is in the collections, by namespace

	mu      sync.Mutex
	conns   map[net.Conn]bool // those of clients; true while a stream waits
	log     []change
	lost    int // that many changes, from the first, are not known any more
	images  map[string]bool
	blind   bool // no images, whatever was asked for
	held    bool // streams are told nothing
	cursors map[int64]*cursor
	last    int64         // cursor's id
	news    chan struct{} // closed when there may be something for streams
	closed  bool
}

// For returns the URI of a replica set, until the test's end, for what
// testhost.Mongo or testhost.MongoFor returned: the server itself and nil, or, if
// it is none, OnFerret.
func For(tb testing.TB, uri string, ferret bool) (string, *Set) {
	tb.Helper()
	if !ferret && streams(tb, uri) {
		return uri, nil
	}
	set := OnFerret(tb)
	return set.URI(), set
}

// OnFerret starts a Set in front of a FerretDB, whatever server tests use.
func OnFerret(tb testing.TB) *Set {
	tb.Helper()
	return Start(tb, alone(tb, testhost.Ferret(tb)).Address)
}

// Start starts one in front of the server at an address of the form host:port,
// until the test's end.
func Start(tb testing.TB, target string) *Set {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	upstream, err := net.Dial("tcp", target)
	if err != nil {
		_ = listener.Close()
		tb.Fatal(err)
	}
	s := &Set{tb: tb, listener: listener, upstream: upstream, mirrors: map[string]*mirror{}, conns: map[net.Conn]bool{},
		images: map[string]bool{}, cursors: map[int64]*cursor{}, last: firstCursor, news: make(chan struct{})}
	s.all.Go(s.accept)
	tb.Cleanup(s.close)
	return s
}

// URI is where clients connect.
func (s *Set) URI() string { return "mongodb://" + s.listener.Addr().String() + "/" }

// Lose has streams miss what is done meanwhile: the history is gone afterwards.
func (s *Set) Lose(meanwhile func()) {
	s.hold(true)
	meanwhile()
	s.mu.Lock()
	s.log = append(s.log, change{kind: "noop"}) // nobody has a token as late as this
	s.lost = len(s.log)
	s.mu.Unlock()
	s.hold(false)
}

// Hold keeps from streams what is done meanwhile, until it is done.
func (s *Set) Hold(meanwhile func()) {
	s.hold(true)
	defer s.hold(false)
	meanwhile()
}

func (s *Set) hold(held bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = held
	s.tell()
}

// Cut closes the connections on which a stream waits, and returns how many.
func (s *Set) Cut() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn, waits := range s.conns {
		if waits {
			_ = conn.Close()
			n++
		}
	}
	s.tell()
	return n
}

// Blind has events come without images of documents, as when they are not kept.
func (s *Set) Blind() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blind = true
}

// Images reports whether images are kept for a collection, such as db.happn.
func (s *Set) Images(namespace string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.images[namespace]
}

// Streams is how many streams are open.
func (s *Set) Streams() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.cursors)
}

// tell wakes who waits for changes. The caller holds mu.
func (s *Set) tell() {
	close(s.news)
	s.news = make(chan struct{})
}

func (s *Set) close() {
	s.mu.Lock()
	s.closed = true
	for conn := range s.conns {
		_ = conn.Close()
	}
	s.tell()
	s.mu.Unlock()
	_ = s.listener.Close()
	_ = s.upstream.Close()
	s.all.Wait()
}

func (s *Set) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.conns[conn] = false; s.closed {
			_ = conn.Close()
		}
		s.mu.Unlock()
		s.all.Go(func() {
			defer func() {
				_ = conn.Close()
				s.mu.Lock()
				delete(s.conns, conn)
				s.mu.Unlock()
			}()
			s.serve(conn)
		})
	}
}

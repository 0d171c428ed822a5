package testhost

import (
	"bytes"
	"net"
	"sync"
	"testing"
	"time"
)

// FaultProxy stands between clients and a server, and does to their connections
// what networks do.
type FaultProxy struct {
	target   string
	listener net.Listener
	all      sync.WaitGroup

	mu     sync.Mutex
	state  Network
	delay  time.Duration
	faults []*Fault
	links  map[*link]struct{}
	closed bool
}

// Network is what a FaultProxy makes of everything that it carries.
type Network uint8

// The states of a network.
const (
	Fine   Network = iota
	Gone           // connections are closed, new ones at once
	Silent         // connections are made, and nothing arrives
)

// Fault is what happens once to the connection on which a request with a marker
// in its first bytes is made.
type Fault struct {
	Marker string // such as the name of a command
	Reply  bool   // the request arrives, and the reply is hit; otherwise the request
	Keep   int    // bytes of it that arrive
	Silent bool   // nothing arrives any more; otherwise the connection is closed
}

// StartFaultProxy starts one in front of the server at an address of the form
// host:port, until the test's end.
func StartFaultProxy(tb testing.TB, target string) *FaultProxy {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &FaultProxy{target: target, listener: listener, links: map[*link]struct{}{}}
	p.all.Go(p.accept)
	tb.Cleanup(p.Close)
	return p
}

// Addr is where clients connect.
func (p *FaultProxy) Addr() string { return p.listener.Addr().String() }

// Close ends all connections and waits until nothing of the proxy runs.
func (p *FaultProxy) Close() {
	p.mu.Lock()
	p.closed = true
	p.cut()
	p.mu.Unlock()
	_ = p.listener.Close() // a second Close changes nothing
	p.all.Wait()
}

// Set changes the network. Connections that lost something in a silent network
// are closed when it is fine again, as their ends would find out.
func (p *FaultProxy) Set(n Network) {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.state
	p.state = n
	if n == Gone || was == Silent {
		p.cut()
	}
}

// Cut closes the connections that there are.
func (p *FaultProxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut()
}

// Delay makes everything that arrives do so later.
func (p *FaultProxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// Arm has a fault happen to the next request that has its marker.
func (p *FaultProxy) Arm(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, &f)
}

// Pending is how many armed faults have not happened.
func (p *FaultProxy) Pending() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.faults)
}

func (p *FaultProxy) cut() {
	for l := range p.links {
		l.close()
	}
}

func (p *FaultProxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		l := &link{proxy: p, client: client, server: server, ended: make(chan struct{})}
		p.mu.Lock()
		p.links[l] = struct{}{}
		if p.closed || p.state == Gone {
			l.close()
		}
		p.mu.Unlock()
		p.all.Go(func() { l.pump(client, server, true) })
		p.all.Go(func() { l.pump(server, client, false) })
	}
}

// link is one connection through the proxy.
type link struct {
	proxy          *FaultProxy
	client, server net.Conn
	once           sync.Once
	ended          chan struct{}

	// Guarded by the proxy's mutex.
	reply *Fault // hits the next bytes from the server
	lost  bool   // nothing arrives any more
}

func (l *link) close() {
	l.once.Do(func() {
		close(l.ended)
		_ = l.client.Close()
		_ = l.server.Close()
	})
}

func (l *link) pump(from, to net.Conn, requests bool) {
	defer func() {
		l.close()
		l.proxy.mu.Lock()
		delete(l.proxy.links, l)
		l.proxy.mu.Unlock()
	}()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		keep, then, delay := l.judge(buffer[:n], requests)
		if delay > 0 {
			select {
			case <-time.After(delay):
			case <-l.ended:
				return
			}
		}
		if _, err := to.Write(buffer[:keep]); err != nil || then == Gone {
			return
		}
	}
}

// judge says how much of what came goes on, what becomes of the connection, and
// how long it takes.
func (l *link) judge(chunk []byte, request bool) (keep int, then Network, delay time.Duration) {
	p := l.proxy
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state == Silent || l.lost {
		l.lost = true
		return 0, Silent, 0
	}
	hit := l.reply
	if request {
		hit = p.meets(chunk)
		if hit != nil && hit.Reply {
			l.reply, hit = hit, nil
		}
	}
	switch {
	case hit == nil:
		return len(chunk), Fine, p.delay
	case hit.Silent:
		l.lost = true
		return min(hit.Keep, len(chunk)), Silent, p.delay
	}
	return min(hit.Keep, len(chunk)), Gone, p.delay
}

// meets takes the armed fault that a request meets.
func (p *FaultProxy) meets(chunk []byte) *Fault {
	for i, f := range p.faults {
		if bytes.Contains(chunk, []byte(f.Marker)) {
			p.faults = append(p.faults[:i:i], p.faults[i+1:]...)
			return f
		}
	}
	return nil
}

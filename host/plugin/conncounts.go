package plugin

import (
	"sync"
	"sync/atomic"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/hook"
)

// ConnectionCounts are about connections that a plugin speaks for, since it was
// found.
type ConnectionCounts struct {
	Open       int64
	Accepted   uint64 // ever
	Refused    uint64 // because no instance was to be had
	HandedOver uint64 // to another version
	Slow       uint64 // closed because the plugin did not keep up with events; in Closed.Lost too
	Closed     ConnectionEnds
	// ReceivedBytes and SentBytes are what peers have sent, and what the plugin has
	// sent them, without what the transport adds.
	ReceivedBytes, SentBytes uint64
}

// ConnectionEnds is how many connections have ended, by who or what ended them.
type ConnectionEnds struct {
	Peer, Plugin, Host, Lost uint64
}

// EndpointCounts are ConnectionCounts of one place that connections come to.
type EndpointCounts struct {
	// Place is its transport and address or path, such as tcp:127.0.0.1:7000; the
	// address as in the operator's file.
	Place string
	ConnectionCounts
}

// connCounts count what became of the connections to one endpoint.
type connCounts struct {
	open                                atomic.Int64
	accepted, refused, handedOver, slow atomic.Uint64
	ended                               [abi.ConnHandedOver]atomic.Uint64 // by reason
	received, sent                      atomic.Uint64
	place                               string
}

// maxCounted is how many endpoints of one plugin are counted apart. Files that
// name ever others share the last counters, so that what is shown stays bounded.
const maxCounted = 64

// otherPlaces is what endpoints are counted as that come after maxCounted others.
const otherPlaces = "other"

// endpointCounts are the counters of a plugin's endpoints. They outlive its
// versions, so that they do not fall back. The zero value is ready.
type endpointCounts struct {
	mu  sync.Mutex
	all []*connCounts
}

// of returns the counters of an endpoint.
func (e *endpointCounts) of(endpoint *hook.Endpoint) *connCounts {
	place := endpoint.Transport() + ":" + endpoint.Place()
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.all {
		if c.place == place || c.place == otherPlaces {
			return c
		}
	}
	if len(e.all) == maxCounted {
		place = otherPlaces
	}
	c := &connCounts{place: place}
	e.all = append(e.all, c)
	return c
}

// counts returns the sums, and those of each endpoint.
func (e *endpointCounts) counts() (sum ConnectionCounts, each []EndpointCounts) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.all {
		one := c.counts()
		sum.add(&one)
		each = append(each, EndpointCounts{Place: c.place, ConnectionCounts: one})
	}
	return sum, each
}

func (c *connCounts) counts() ConnectionCounts {
	ended := func(why abi.ConnReason) uint64 { return c.ended[why].Load() }
	return ConnectionCounts{
		Open: c.open.Load(), Accepted: c.accepted.Load(), Refused: c.refused.Load(), HandedOver: c.handedOver.Load(), Slow: c.slow.Load(),
		Closed: ConnectionEnds{
			Peer: ended(abi.ConnClosedByPeer), Plugin: ended(abi.ConnClosedByPlugin), Host: ended(abi.ConnClosedByHost), Lost: ended(abi.ConnLost),
		},
		ReceivedBytes: c.received.Load(), SentBytes: c.sent.Load(),
	}
}

func (c *ConnectionCounts) add(o *ConnectionCounts) {
	c.Open += o.Open
	c.Accepted += o.Accepted
	c.Refused += o.Refused
	c.HandedOver += o.HandedOver
	c.Slow += o.Slow
	c.Closed.Peer += o.Closed.Peer
	c.Closed.Plugin += o.Closed.Plugin
	c.Closed.Host += o.Closed.Host
	c.Closed.Lost += o.Closed.Lost
	c.ReceivedBytes += o.ReceivedBytes
	c.SentBytes += o.SentBytes
}

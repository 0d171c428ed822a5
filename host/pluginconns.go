package host

import (
	"slices"

	"github.com/happn-host/happn-host/host/metrics"
	"github.com/happn-host/happn-host/host/plugin"
)

// PluginEndpoint is a place that connections to a plugin come to.
type PluginEndpoint struct {
	Place string `json:"place"` // as in tcp:127.0.0.1:7000
	PluginConnections
}

// PluginConnections are the counts of connections that a plugin speaks for.
type PluginConnections struct {
	Open          int64             `json:"open"`
	Opened        uint64            `json:"opened"`
	Refused       uint64            `json:"refused"` // since no instance was to be had
	HandedOver    uint64            `json:"handedOver"`
	Closed        map[string]uint64 `json:"closed"` // by who ended them: peer, plugin, host, lost
	ReceivedBytes uint64            `json:"receivedBytes"`
	SentBytes     uint64            `json:"sentBytes"`
}

func connectionsOf(c plugin.ConnectionCounts) PluginConnections {
	return PluginConnections{
		Open: c.Open, Opened: c.Accepted, Refused: c.Refused, HandedOver: c.HandedOver, Closed: endsOf(c.Closed),
		ReceivedBytes: c.ReceivedBytes, SentBytes: c.SentBytes,
	}
}

func endsOf(e plugin.ConnectionEnds) map[string]uint64 {
	return map[string]uint64{"peer": e.Peer, "plugin": e.Plugin, "host": e.Host, "lost": e.Lost}
}

// connections adds what is counted for each endpoint of plugins that speak
// protocols.
func (f *families) connections(all []plugin.Info) {
	var open, opened, closed, refused, moved, slow, received, sent []metrics.Value
	for _, p := range all {
		for _, e := range p.Endpoints {
			label := []string{p.Name, e.Place}
			add := func(to *[]metrics.Value, n uint64) {
				*to = append(*to, metrics.Value{Labels: label, Value: float64(n)})
			}
			open = append(open, metrics.Value{Labels: label, Value: float64(e.Open)})
			add(&opened, e.Accepted)
			add(&refused, e.Refused)
			add(&moved, e.HandedOver)
			add(&slow, e.Slow)
			add(&received, e.ReceivedBytes)
			add(&sent, e.SentBytes)
			for reason, n := range endsOf(e.Closed) {
				closed = append(closed, metrics.Value{Labels: append(slices.Clone(label), reason), Value: float64(n)})
			}
		}
	}
	labels := []string{"plugin", "endpoint"}
	f.of("happn_plugin_connections", "Connections that the plugin speaks for.", metrics.Gauge, labels, open)
	f.of("happn_plugin_connections_opened_total", "Connections that were opened.", metrics.Counter, labels, opened)
	f.of("happn_plugin_connections_closed_total", "Connections that have ended, by who or what ended them.", metrics.Counter, []string{"plugin", "endpoint", "reason"}, closed)
	f.of("happn_plugin_connections_refused_total", "Connections that were refused because no instance was to be had.", metrics.Counter, labels, refused)
	f.of("happn_plugin_connections_handed_over_total", "Connections that were handed over to another version of the plugin.", metrics.Counter, labels, moved)
	f.of("happn_plugin_connections_slow_total", "Connections that were closed because the plugin did not keep up with their publications.", metrics.Counter, labels, slow)
	f.of("happn_plugin_received_bytes_total", "Bytes that peers have sent.", metrics.Counter, labels, received)
	f.of("happn_plugin_sent_bytes_total", "Bytes that the plugin has sent peers.", metrics.Counter, labels, sent)
}

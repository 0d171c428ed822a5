package host

import (
	"context"
	"maps"
	"slices"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/metrics"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/metric"
)

// openMetrics adds the route that shows what the host counts. On a host with
// access control it needs the permission get on /@HTTP/metrics.
func (h *Host) openMetrics() { h.web.Handle("GET /metrics", metrics.Handler(h.gather)) }

// gather returns everything that the host counts.
func (h *Host) gather() []metrics.Family {
	health := h.Health(context.Background())
	all := families{}
	all.one("happn_sessions", "Clients that are connected.", metrics.Gauge, float64(health.Sessions))
	all.one("happn_subscriptions", "Subscriptions of all sessions.", metrics.Gauge, float64(health.Subscriptions))
	all.one("happn_requests_total", "Requests that were read.", metrics.Counter, float64(health.Requests))
	all.one("happn_request_errors_total", "Requests that were answered with an error.", metrics.Counter, float64(health.Errors))
	all.one("happn_publications_total", "Changes and messages that were published.", metrics.Counter, float64(health.Publications))
	all.one("happn_deliveries_total", "Frames with publications that were queued for subscribers.", metrics.Counter, float64(health.Deliveries))
	all.one("happn_slow_readers_total", "Connections that were closed because they did not read.", metrics.Counter, float64(health.SlowReaders))
	all.one("happn_dead_peers_total", "Connections that were closed because their peer was gone.", metrics.Counter, float64(health.DeadPeers))
	all.one("happn_ready", "1 if the host serves requests.", metrics.Gauge, one(health.Status == "ok"))
	all.stores(health.Stores)
	if s := health.Security; s != nil {
		all.security(s)
	}
	all.traces(h.tracer)
	all.plugins(h.plugins.List())
	return all
}

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// families collects what gather returns.
type families []metrics.Family

// one adds a metric with one value.
func (f *families) one(name, help string, t metrics.Type, value float64) {
	*f = append(*f, metrics.Family{Name: name, Help: help, Type: t, Values: []metrics.Value{{Value: value}}})
}

// of adds a metric with labels, which is left out where nothing has it.
func (f *families) of(name, help string, t metrics.Type, labels []string, values []metrics.Value) {
	if len(values) > 0 {
		*f = append(*f, metrics.Family{Name: name, Help: help, Type: t, Labels: labels, Values: values})
	}
}

func (f *families) stores(all []StoreHealth) {
	var documents, bytes, disk, fine []metrics.Value
	for _, s := range all {
		label := []string{s.Name}
		documents = append(documents, metrics.Value{Labels: label, Value: float64(s.Documents)})
		bytes = append(bytes, metrics.Value{Labels: label, Value: float64(s.Bytes)})
		disk = append(disk, metrics.Value{Labels: label, Value: float64(s.DiskBytes)})
		fine = append(fine, metrics.Value{Labels: label, Value: one(s.Reason == "")})
	}
	labels := []string{"store"}
	f.of("happn_store_documents", "Documents.", metrics.Gauge, labels, documents)
	f.of("happn_store_bytes", "Bytes of documents in memory.", metrics.Gauge, labels, bytes)
	f.of("happn_store_disk_bytes", "Bytes on the disk.", metrics.Gauge, labels, disk)
	f.of("happn_store_up", "1 if the store answers.", metrics.Gauge, labels, fine)
}

func (f *families) security(s *SecurityHealth) {
	f.one("happn_logins_total", "Logins that succeeded.", metrics.Counter, float64(s.Logins))
	f.of("happn_logins_refused_total", "Logins that were refused, by why.", metrics.Counter, []string{"reason"}, []metrics.Value{
		{Labels: []string{"rate"}, Value: float64(s.Limited)},
		{Labels: []string{"lockout"}, Value: float64(s.Locked)},
		{Labels: []string{"other"}, Value: float64(s.Refused - s.Limited - s.Locked)},
	})
	f.one("happn_revoked_tokens", "Tokens that are revoked.", metrics.Gauge, float64(s.Revoked))
	f.one("happn_token_keys", "Keys of session tokens that are accepted.", metrics.Gauge, float64(s.Keys))
}

// version is what is counted of a version of a plugin, its own or its canary.
type version struct {
	labels    []string // the plugin's name, and which version it is
	instances int
	memory    int64
	plugin.Counts
	hooks   []plugin.HookCounts
	limited map[string]uint64
}

func versions(all []plugin.Info) (out []version) {
	for _, p := range all {
		out = append(out, version{[]string{p.Name, "stable"}, p.Instances, p.Memory, p.Counts, p.Hooks, p.Limited})
		if c := p.Canary; c != nil && !c.Since.IsZero() {
			out = append(out, version{[]string{p.Name, "canary"}, c.Instances, c.Memory, c.Counts, c.Hooks, c.Limited})
		}
	}
	return out
}

func (f *families) plugins(all []plugin.Info) {
	var info, states, instances, memory, skipped, errors, host, limited []metrics.Value
	for _, p := range all {
		info = append(info, metrics.Value{Labels: []string{p.Name, p.Version, p.Engine}, Value: 1})
		states = append(states, metrics.Value{Labels: []string{p.Name, string(p.State)}, Value: 1})
	}
	for _, v := range versions(all) {
		instances = append(instances, metrics.Value{Labels: v.labels, Value: float64(v.instances)})
		memory = append(memory, metrics.Value{Labels: v.labels, Value: float64(v.memory)})
		skipped = append(skipped, metrics.Value{Labels: v.labels, Value: float64(v.Skipped)})
		errors = append(errors, metrics.Value{Labels: v.labels, Value: float64(v.Errors)})
		host = append(host, metrics.Value{Labels: v.labels, Value: float64(v.HostCalls)})
		for _, key := range slices.Sorted(maps.Keys(v.limited)) {
			limited = append(limited, metrics.Value{Labels: append(slices.Clone(v.labels), key), Value: float64(v.limited[key])})
		}
	}
	labels := []string{"plugin", "generation"}
	f.of("happn_plugin_info", "The plugins, 1 for each.", metrics.Gauge, []string{"plugin", "version", "engine"}, info)
	f.of("happn_plugin_state", "1 for the state that a plugin is in.", metrics.Gauge, []string{"plugin", "state"}, states)
	f.of("happn_plugin_instances", "Instances in service.", metrics.Gauge, labels, instances)
	f.of("happn_plugin_memory_bytes", "Memory of all instances, when they were last looked at.", metrics.Gauge, labels, memory)
	f.of("happn_plugin_skipped_total", "Messages for which no instance was called; of a plugin's own version on_error decided about them.", metrics.Counter, labels, skipped)
	f.of("happn_plugin_errors_total", "Calls that ended with ERROR, or with something that was no valid answer.", metrics.Counter, labels, errors)
	f.of("happn_plugin_host_calls_total", "Calls of the plugin to the host.", metrics.Counter, labels, host)
	f.of("happn_plugin_limited_total", "How often the plugin was above one of its limits, by the limit's key.", metrics.Counter, append(slices.Clone(labels), "limit"), limited)
	f.canaries(all)
	f.hooks(versions(all))
	f.connections(all)
	f.defined(all)
}

// canaries adds how candidates of next versions do.
func (f *families) canaries(all []plugin.Info) {
	var states, shares, rolledBack, promoted []metrics.Value
	for _, p := range all {
		label := []string{p.Name}
		rolledBack = append(rolledBack, metrics.Value{Labels: label, Value: float64(p.RolledBack)})
		promoted = append(promoted, metrics.Value{Labels: label, Value: float64(p.Promoted)})
		c := p.Canary
		if c == nil {
			continue
		}
		states = append(states, metrics.Value{Labels: []string{p.Name, string(c.State)}, Value: 1})
		share := 0.0
		if c.State == plugin.StateReady {
			share = float64(c.Share) / 100
		}
		shares = append(shares, metrics.Value{Labels: label, Value: share})
	}
	name := []string{"plugin"}
	f.of("happn_plugin_canary_state", "1 for the state that the canary of a plugin is in.", metrics.Gauge, []string{"plugin", "state"}, states)
	f.of("happn_plugin_canary_share", "The share of sessions that see the canary, 0 to 1.", metrics.Gauge, name, shares)
	f.of("happn_plugin_canaries_rolled_back_total", "Canaries that were rolled back, by themselves or by command.", metrics.Counter, name, rolledBack)
	f.of("happn_plugin_canaries_promoted_total", "Canaries that took their plugin's place.", metrics.Counter, name, promoted)
}

// hooks adds what is counted for each hook.
func (f *families) hooks(all []version) {
	var calls, verdicts, traps, took, read, written []metrics.Value
	for _, one := range all {
		for _, h := range one.hooks {
			label := append(slices.Clone(one.labels), string(h.Kind))
			for v, n := range h.Verdicts {
				if name := abi.Verdict(v).String(); name != "" && (n > 0 || abi.Verdict(v) == abi.VerdictPass) {
					verdicts = append(verdicts, metrics.Value{Labels: append(slices.Clone(label), name), Value: float64(n)})
				}
			}
			calls = append(calls, metrics.Value{Labels: label, Value: float64(h.Calls)})
			traps = append(traps, metrics.Value{Labels: label, Value: float64(h.Traps)})
			written = append(written, metrics.Value{Labels: label, Value: float64(h.Written)})
			if s := h.Sampled; s.Buckets != nil {
				took = append(took, metrics.Value{Labels: label, Histogram: &metrics.Histogram{Bounds: s.Bounds, Buckets: s.Buckets, Sum: s.Sum}})
				read = append(read, metrics.Value{Labels: label, Value: float64(s.Read)})
			}
		}
	}
	labels := []string{"plugin", "generation", "hook"}
	f.of("happn_plugin_calls_total", "Calls of hooks.", metrics.Counter, labels, calls)
	f.of("happn_plugin_verdicts_total", "Calls of hooks by what they decided.", metrics.Counter, append(slices.Clone(labels), "verdict"), verdicts)
	f.of("happn_plugin_traps_total", "Calls that ended in a trap, a time-out or a breach of the contract.", metrics.Counter, labels, traps)
	f.of("happn_plugin_output_bytes_total", "Bytes that hooks gave.", metrics.Counter, labels, written)
	f.of("happn_plugin_duration_seconds", "How long calls took; of layers, one in 64 is measured.", metrics.Gauge, labels, took)
	f.of("happn_plugin_sampled_input_bytes_total", "Bytes of what the measured calls were shown.", metrics.Counter, labels, read)
}

// defined adds the metrics that plugins define, under names that are theirs only.
// The plugin of those of a canary is called as the canary's file is.
func (f *families) defined(all []plugin.Info) {
	byName := map[string]int{}
	for _, p := range all {
		f.define(byName, p.Name, p.Metrics)
		if p.Canary != nil {
			f.define(byName, p.Name+".canary", p.Canary.Metrics)
		}
	}
}

// define adds the metrics of one plugin.
func (f *families) define(byName map[string]int, of string, all []metric.Metric) {
	for _, m := range all {
		name := "happn_plugin_defined_" + m.Name
		family := metrics.Family{Name: name, Help: m.Help, Type: metrics.Gauge, Labels: append([]string{"plugin"}, m.Labels...)}
		if m.Type == metric.Counter {
			family.Type = metrics.Counter
		}
		for _, s := range m.Series {
			family.Values = append(family.Values, metrics.Value{Labels: append([]string{of}, s.Labels...), Value: s.Value})
		}
		at, taken := byName[name]
		if !taken {
			byName[name] = len(*f)
			*f = append(*f, family)
			continue
		}
		// Two plugins with one name share a family if they mean the same by it.
		if first := &(*f)[at]; first.Type == family.Type && slices.Equal(first.Labels, family.Labels) {
			first.Values = append(first.Values, family.Values...)
		}
	}
}

package bench

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Report is the outcome of a run.
type Report struct {
	Config
	Server ServerInfo `json:"server"`

	Ops       int64         `json:"ops"`     // operations while measuring
	Elapsed   time.Duration `json:"elapsed"` // how long that was
	OpsPerSec float64       `json:"ops_per_second"`
	Latency   Latency       `json:"latency"`

	Deliveries       int64    `json:"deliveries,omitempty"` // publications received while measuring
	DeliveriesPerSec float64  `json:"deliveries_per_second,omitempty"`
	DeliveryLatency  *Latency `json:"delivery_latency,omitempty"` // from sending the publication

	// CPU time in microseconds. The server's are 0 without a process id.
	ServerCPUPerOp       float64 `json:"server_cpu_us_per_op,omitempty"`
	ServerCPUPerDelivery float64 `json:"server_cpu_us_per_delivery,omitempty"`
	ServerCPUShare       float64 `json:"server_cpu_share,omitempty"` // of one core
	LoadCPUPerOp         float64 `json:"load_cpu_us_per_op"`

	BytesPerConnection float64 `json:"bytes_per_connection,omitempty"` // of the server, for idle

	Checked int64 `json:"checked"` // answers and deliveries whose content was checked, warm-up included
}

// ServerInfo is what the server says about itself.
type ServerInfo struct {
	Name   string `json:"name"`   // as configured, or made up by the server
	Secure bool   `json:"secure"` // whether it checks credentials and permissions
}

// Latency is a distribution of durations, in microseconds.
type Latency struct {
	Mean float64 `json:"mean_us"`
	P50  float64 `json:"p50_us"`
	P90  float64 `json:"p90_us"`
	P99  float64 `json:"p99_us"`
	P999 float64 `json:"p99_9_us"`
	Max  float64 `json:"max_us"`
}

func (h *histogram) summary() Latency {
	return Latency{
		Mean: micros(h.mean()), P50: micros(h.quantile(0.5)), P90: micros(h.quantile(0.9)),
		P99: micros(h.quantile(0.99)), P999: micros(h.quantile(0.999)), Max: micros(h.max),
	}
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// report is what happened between two moments.
func (r *run) report(from, to sample) *Report {
	out := &Report{
		Config: r.cfg, Server: r.desk.server(), Ops: to.ops - from.ops, Elapsed: to.at.Sub(from.at),
		Deliveries: to.deliveries - from.deliveries,
		Latency:    r.latency.summary(),
		Checked:    r.ops.Load() + r.deliveries.Load(),
	}
	seconds := out.Elapsed.Seconds()
	out.OpsPerSec = ratio(float64(out.Ops), seconds)
	out.DeliveriesPerSec = ratio(float64(out.Deliveries), seconds)
	if r.delivery.total > 0 {
		d := r.delivery.summary()
		out.DeliveryLatency = &d
	}
	cpu := micros(to.server - from.server)
	out.ServerCPUPerOp = ratio(cpu, float64(out.Ops))
	out.ServerCPUPerDelivery = ratio(cpu, float64(out.Deliveries))
	out.ServerCPUShare = ratio(cpu, micros(out.Elapsed))
	out.LoadCPUPerOp = ratio(micros(to.own-from.own), float64(out.Ops))
	return out
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// Text writes the report for people.
func (o *Report) Text(w io.Writer) error {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "  %-18s %s\n", name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintf(&b, "%s on %s: every answer was right\n", o.Scenario, o.URL)
	line("server", "%s", o.Server)
	line("load", "%s", o.load())
	if o.Scenario == ScenarioIdle {
		line("memory", "%.2f KiB of the server for each of %d connections", o.BytesPerConnection/1024, o.Connections)
		_, err := io.WriteString(w, b.String())
		return err
	}
	line("operations", "%d in %.2f s: %.0f/s", o.Ops, o.Elapsed.Seconds(), o.OpsPerSec)
	line("latency", "%s", o.Latency)
	if o.Deliveries > 0 {
		line("deliveries", "%d: %.0f/s", o.Deliveries, o.DeliveriesPerSec)
	}
	if o.DeliveryLatency != nil {
		line("delivery latency", "%s", *o.DeliveryLatency)
	}
	if o.ServerPID != 0 {
		line("server CPU", "%.2f us an operation, %.0f %% of a core", o.ServerCPUPerOp, 100*o.ServerCPUShare)
		if o.Deliveries > 0 {
			line("", "%.2f us a delivery", o.ServerCPUPerDelivery)
		}
	}
	line("load CPU", "%.2f us an operation", o.LoadCPUPerOp)
	line("checked", "%d answers and deliveries", o.Checked)
	_, err := io.WriteString(w, b.String())
	return err
}

// load describes what was asked of the server.
func (o *Report) load() string {
	load := fmt.Sprintf("%d connections, %d in flight on each, %d B documents", o.Clients, o.InFlight, o.Size)
	switch o.Scenario {
	case ScenarioGetWildcard:
		load += fmt.Sprintf(", %d results out of %d", o.Results, o.Docs)
	case ScenarioGet, ScenarioSet:
		load += fmt.Sprintf(", %d documents", o.Docs)
	case ScenarioPubSub:
		load = fmt.Sprintf("%d publishers, %d in flight on each, to %d subscribers, %d B", o.Publishers, o.InFlight, o.Subscribers, o.Size)
	case ScenarioSubscriptions:
		load += fmt.Sprintf(", %d subscriptions of %d subscribers", o.Subscriptions, o.Subscribers)
	case ScenarioConnect:
		load = fmt.Sprintf("%d at a time", o.Clients)
	case ScenarioIdle:
		load = fmt.Sprintf("%d connections", o.Connections)
	}
	return load
}

// String implements fmt.Stringer.
func (s ServerInfo) String() string {
	if s.Secure {
		return s.Name + ", secure"
	}
	return s.Name + ", without security"
}

// String implements fmt.Stringer.
func (l Latency) String() string {
	return fmt.Sprintf("mean %.0f us, p50 %.0f, p90 %.0f, p99 %.0f, p99.9 %.0f, max %.0f", l.Mean, l.P50, l.P90, l.P99, l.P999, l.Max)
}

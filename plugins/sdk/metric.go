package sdk

import (
	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/plugins/sdk/internal/hostcall"
	"github.com/happn-host/happn-host/plugins/sdk/rawjson"
)

// Metric is a number that the plugin shows in the host's /metrics, as
// happn_plugin_defined_<name>, with the plugin's name for a label.
type Metric struct {
	number int32
	labels []byte // of the last value, kept for its capacity
}

// NewCounter defines a metric that grows. Define metrics in Init: it costs the
// host a look into a list, and a definition that the host refuses, with why in
// its log, makes a Metric that counts nothing. At most 4 labels, and 256
// combinations of their values, are kept of a metric, and 32 metrics of a plugin,
// unless its operator says otherwise (limits.series, limits.metrics).
func NewCounter(name, help string, labels ...string) *Metric {
	return newMetric("counter", name, help, labels)
}

// NewGauge defines a metric that is set, like NewCounter.
func NewGauge(name, help string, labels ...string) *Metric {
	return newMetric("gauge", name, help, labels)
}

func newMetric(kind, name, help string, labels []string) *Metric {
	b := rawjson.AppendString([]byte(`{"name":`), name)
	b = rawjson.AppendString(append(b, `,"help":`...), help)
	b = rawjson.AppendString(append(b, `,"type":`...), kind)
	b = append(b, `,"labels":[`...)
	for i, l := range labels {
		if i > 0 {
			b = append(b, ',')
		}
		b = rawjson.AppendString(b, l)
	}
	m := &Metric{number: hostcall.DefineMetric(append(b, "]}"...))}
	if m.number < 0 {
		hostcall.Log(abi.LogWarn, "metric "+name+": "+abi.Errno(m.number).Error())
	}
	return m
}

// Add adds to a counter, or sets a gauge, for these values of its labels.
func (m *Metric) Add(value float64, labels ...string) {
	if m == nil || m.number < 0 {
		return
	}
	m.labels = m.labels[:0]
	for _, l := range labels {
		m.labels = append(append(m.labels, l...), 0)
	}
	hostcall.AddMetric(m.number, value, m.labels)
}

// Set is Add, for gauges.
func (m *Metric) Set(value float64, labels ...string) { m.Add(value, labels...) }

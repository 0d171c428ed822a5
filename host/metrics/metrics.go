package metrics

import (
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Type says what the values of a Family mean.
type Type = prometheus.ValueType

// The types of families without buckets.
const (
	Counter = prometheus.CounterValue
	Gauge   = prometheus.GaugeValue
)

// Family is a metric with all its values.
type Family struct {
	Name   string // with its unit, as Prometheus asks for it
	Help   string
	Type   Type
	Labels []string // names
	Values []Value
}

// Value is one value of a Family.
type Value struct {
	Labels    []string // in the order of Family.Labels
	Value     float64
	Histogram *Histogram // in place of Value
}

// Histogram is how many of something lay below which bounds.
type Histogram struct {
	Bounds  []time.Duration
	Buckets []uint64 // one for each bound, and one for what is above all of them
	Sum     time.Duration
}

// Handler answers with the families that gather returns, and those of the
// process. gather is called for each request, by one goroutine at a time.
func Handler(gather func() []Family) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collector(gather), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		MaxRequestsInFlight: 1, ErrorHandling: promhttp.ContinueOnError, EnableOpenMetrics: true,
	})
}

// collector implements prometheus.Collector.
type collector func() []Family

// Describe describes nothing: plugins define metrics while the host runs.
func (collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c collector) Collect(to chan<- prometheus.Metric) {
	for _, f := range c() {
		desc := prometheus.NewDesc(f.Name, f.Help, f.Labels, nil)
		for _, v := range f.Values {
			metric, err := v.metric(desc, f.Type)
			if err != nil {
				metric = prometheus.NewInvalidMetric(desc, fmt.Errorf("%s: %w", f.Name, err))
			}
			to <- metric
		}
	}
}

func (v *Value) metric(desc *prometheus.Desc, t Type) (prometheus.Metric, error) {
	if v.Histogram == nil {
		return prometheus.NewConstMetric(desc, t, v.Value, v.Labels...)
	}
	below, count := map[float64]uint64{}, uint64(0)
	for i, n := range v.Histogram.Buckets {
		count += n
		if i < len(v.Histogram.Bounds) {
			below[v.Histogram.Bounds[i].Seconds()] = count
		}
	}
	return prometheus.NewConstHistogram(desc, count, v.Histogram.Sum.Seconds(), below, v.Labels...)
}

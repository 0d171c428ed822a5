package plugin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/limit"
)

// Bounds of the metrics that one plugin defines, beside its limits.
const (
	maxLabels = 4
	maxLabel  = 128 // bytes of a label's value
)

// MetricType says what a metric's values mean.
type MetricType string

// The types.
const (
	Counter MetricType = "counter" // grows
	Gauge   MetricType = "gauge"   // is set
)

// Metric is a metric that a plugin defines, and its values.
type Metric struct {
	Name   string
	Help   string
	Type   MetricType
	Labels []string // names
	Series []Series // sorted by their labels
	// Lost is how many values were not taken because there were too many Series.
	Lost uint64
}

// Series is one value of a metric.
type Series struct {
	Labels []string // values, in the order of Metric.Labels
	Value  float64
}

// Metrics are the metrics of one plugin, or of its canary, which may mean something
// else by a name. They outlive its versions, so that counters do not fall back. All instances share them. The zero value has none;
// the methods may be called from any goroutine.
type Metrics struct {
	mu   sync.Mutex
	list []*metric
}

type metric struct {
	Metric
	series map[string]*Series
}

var metricName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]{0,63}$`)

// Define returns the number of a metric, which is made if there is none of its
// name. The definition is JSON: name, help, type and labels.
func (s *Metrics) Define(definition []byte) (int, error) {
	l := limit.Default()
	return s.define(definition, &l)
}

// define is Define for a plugin with these limits.
func (s *Metrics) define(definition []byte, l *limit.Set) (int, error) {
	var said struct {
		Name   string     `json:"name"`
		Help   string     `json:"help"`
		Type   MetricType `json:"type"`
		Labels []string   `json:"labels"`
	}
	d := json.NewDecoder(bytes.NewReader(definition))
	d.DisallowUnknownFields()
	if err := d.Decode(&said); err != nil {
		return 0, fmt.Errorf("%w: the metric: %w", ErrInvalid, err)
	}
	switch {
	case !metricName.MatchString(said.Name):
		return 0, fmt.Errorf("%w: the metric's name %q must be at most 64 letters, digits and underscores", ErrInvalid, said.Name)
	case said.Type != Counter && said.Type != Gauge:
		return 0, fmt.Errorf("%w: the metric's type %q is not one of %s, %s", ErrInvalid, said.Type, Counter, Gauge)
	case len(said.Labels) > maxLabels:
		return 0, fmt.Errorf("%w: the metric has %d labels; at most %d are allowed", abi.ErrnoLimit, len(said.Labels), maxLabels)
	}
	for i, l := range said.Labels {
		if !metricName.MatchString(l) || strings.HasPrefix(l, "__") || l == "plugin" || slices.Contains(said.Labels[:i], l) {
			return 0, fmt.Errorf("%w: the metric's label %q is not valid, or not its own", ErrInvalid, l)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, m := range s.list {
		if m.Name != said.Name {
			continue
		}
		if m.Type != said.Type || !slices.Equal(m.Labels, said.Labels) {
			s.list[i] = &metric{Metric: Metric{Name: said.Name, Help: said.Help, Type: said.Type, Labels: said.Labels}, series: map[string]*Series{}}
		}
		return i, nil
	}
	if n := len(s.list); n >= l.Metrics {
		return 0, l.Over(limit.Metrics, abi.ErrnoLimit, "the plugin would have %d metrics", n+1)
	}
	s.list = append(s.list, &metric{Metric: Metric{Name: said.Name, Help: said.Help, Type: said.Type, Labels: said.Labels}, series: map[string]*Series{}})
	return len(s.list) - 1, nil
}

// Add counts a value, or sets a gauge. labels are the values, each with a zero
// byte behind it.
func (s *Metrics) Add(number int, value float64, labels []byte) error {
	l := limit.Default()
	return s.add(number, value, labels, &l)
}

// add is Add for a plugin with these limits.
func (s *Metrics) add(number int, value float64, labels []byte, l *limit.Set) error {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return fmt.Errorf("%w: the value is no number", ErrInvalid)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if number < 0 || number >= len(s.list) {
		return fmt.Errorf("%w: no metric has the number %d", ErrInvalid, number)
	}
	m := s.list[number]
	if m.Type == Counter && value < 0 {
		return fmt.Errorf("%w: a counter cannot fall", ErrInvalid)
	}
	one := m.series[string(labels)]
	if one == nil {
		values, err := labelValues(labels, len(m.Labels))
		if err != nil {
			return err
		}
		if n := len(m.series); n >= l.Series {
			m.Lost++
			return l.Over(limit.Series, abi.ErrnoLimit, "metric %s would have %d sets of labels", m.Name, n+1)
		}
		one = &Series{Labels: values}
		m.series[string(labels)] = one
	}
	if m.Type == Gauge {
		one.Value = value
	} else {
		one.Value += value
	}
	return nil
}

func labelValues(labels []byte, n int) ([]string, error) {
	values := strings.Split(strings.ToValidUTF8(string(labels), "\uFFFD"), "\x00")
	values = values[:len(values)-1]
	if len(values) != n || n == 0 && len(labels) > 0 || n > 0 && labels[len(labels)-1] != 0 {
		return nil, fmt.Errorf("%w: %d values for %d labels, each with a zero byte behind it", ErrInvalid, len(values), n)
	}
	for _, v := range values {
		if len(v) > maxLabel {
			return nil, fmt.Errorf("%w: a label's value has %d bytes; at most %d are allowed", abi.ErrnoLimit, len(v), maxLabel)
		}
	}
	return values, nil
}

// All returns the metrics as they are.
func (s *Metrics) All() (all []Metric) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.list {
		out := m.Metric
		for _, one := range m.series {
			out.Series = append(out.Series, *one)
		}
		sort.Slice(out.Series, func(i, j int) bool { return slices.Compare(out.Series[i].Labels, out.Series[j].Labels) < 0 })
		all = append(all, out)
	}
	return all
}

// inherit adds what another version of the plugin has counted, so that counters do
// not fall back when this one takes its place. Gauges of both are as this one has
// set them.
func (s *Metrics) inherit(from *Metrics, l *limit.Set) {
	from.mu.Lock()
	defer from.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range from.list {
		at := slices.IndexFunc(s.list, func(o *metric) bool { return o.Name == m.Name })
		switch {
		case at >= 0:
			s.list[at].inherit(m, l.Series)
		case len(s.list) < l.Metrics:
			s.list = append(s.list, m.copy())
		}
	}
}

// inherit adds the series of a metric that means the same, and nothing otherwise. m
// has at most so many then.
func (m *metric) inherit(from *metric, most int) {
	if m.Type != from.Type || !slices.Equal(m.Labels, from.Labels) {
		return
	}
	m.Lost += from.Lost
	for key, one := range from.series {
		mine := m.series[key]
		switch {
		case mine == nil && len(m.series) >= most:
			m.Lost++
		case mine == nil:
			m.series[key] = &Series{Labels: one.Labels, Value: one.Value}
		case m.Type == Counter:
			mine.Value += one.Value
		}
	}
}

// copy returns a metric that shares no series with m.
func (m *metric) copy() *metric {
	out := &metric{Metric: m.Metric, series: map[string]*Series{}}
	out.Lost = 0
	out.inherit(m, len(m.series))
	return out
}

// metric_define (definition, len) -> number
func hostMetricDefine(i *instance, stack []uint64) {
	i.charge(fuelImport)
	definition, ok := i.mem.Read(uint32(stack[0]), uint32(stack[1]))
	if !ok {
		stack[0] = i.fail(fmt.Errorf("%w: the definition lies outside of memory", ErrInvalid))
		return
	}
	n, err := i.gen.defined.define(definition, &i.gen.manifest.Limits)
	if err != nil {
		stack[0] = i.fail(err)
		return
	}
	stack[0] = uint64(n)
}

// metric_add (number, value, labels, len) -> 0
func hostMetricAdd(i *instance, stack []uint64) {
	labels, ok := i.mem.Read(uint32(stack[2]), uint32(stack[3]))
	if !ok {
		stack[0] = i.fail(fmt.Errorf("%w: the labels lie outside of memory", ErrInvalid))
		return
	}
	if err := i.gen.defined.add(int(int32(stack[0])), math.Float64frombits(stack[1]), labels, &i.gen.manifest.Limits); err != nil {
		stack[0] = i.fail(err)
		return
	}
	stack[0] = 0
}

package metric

import (
	"bytes"
	"encoding/json"
	"errors"
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
	MaxLabels = 4
	MaxLabel  = 128 // bytes of a label's value
)

// Type says what a metric's values mean.
type Type string

// The types.
const (
	Counter Type = "counter" // grows
	Gauge   Type = "gauge"   // is set
)

// Metric is a metric that a plugin defines, and its values.
type Metric struct {
	Name   string
	Help   string
	Type   Type
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

// Set are the metrics of one plugin, or of its canary, which may mean something
// else by a name. They outlive its versions, so that counters do not fall back. All
// instances share them. The zero value has none; the methods may be called from any
// goroutine.
type Set struct {
	mu   sync.Mutex
	list []*entry
}

type entry struct {
	Metric
	series map[string]*Series
}

// ErrInvalid says that a definition or a value is not valid.
var ErrInvalid = errors.New("not valid")

var validName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]{0,63}$`)

// Define returns the number of a metric, which is made if there is none of its
// name and the limits allow another. The definition is JSON: name, help, type and labels.
func (s *Set) Define(definition []byte, l *limit.Set) (int, error) {
	var said struct {
		Name   string   `json:"name"`
		Help   string   `json:"help"`
		Type   Type     `json:"type"`
		Labels []string `json:"labels"`
	}
	d := json.NewDecoder(bytes.NewReader(definition))
	d.DisallowUnknownFields()
	if err := d.Decode(&said); err != nil {
		return 0, fmt.Errorf("%w: the metric: %w", ErrInvalid, err)
	}
	switch {
	case !validName.MatchString(said.Name):
		return 0, fmt.Errorf("%w: the metric's name %q must be at most 64 letters, digits and underscores", ErrInvalid, said.Name)
	case said.Type != Counter && said.Type != Gauge:
		return 0, fmt.Errorf("%w: the metric's type %q is not one of %s, %s", ErrInvalid, said.Type, Counter, Gauge)
	case len(said.Labels) > MaxLabels:
		return 0, fmt.Errorf("%w: the metric has %d labels; at most %d are allowed", abi.ErrnoLimit, len(said.Labels), MaxLabels)
	}
	for i, l := range said.Labels {
		if !validName.MatchString(l) || strings.HasPrefix(l, "__") || l == "plugin" || slices.Contains(said.Labels[:i], l) {
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
			s.list[i] = &entry{Metric: Metric{Name: said.Name, Help: said.Help, Type: said.Type, Labels: said.Labels}, series: map[string]*Series{}}
		}
		return i, nil
	}
	if n := len(s.list); n >= l.Metrics {
		return 0, l.Over(limit.Metrics, abi.ErrnoLimit, "the plugin would have %d metrics", n+1)
	}
	s.list = append(s.list, &entry{Metric: Metric{Name: said.Name, Help: said.Help, Type: said.Type, Labels: said.Labels}, series: map[string]*Series{}})
	return len(s.list) - 1, nil
}

// Add counts a value, or sets a gauge. labels are the values, each with a zero
// byte behind it.
func (s *Set) Add(number int, value float64, labels []byte, l *limit.Set) error {
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
		if len(v) > MaxLabel {
			return nil, fmt.Errorf("%w: a label's value has %d bytes; at most %d are allowed", abi.ErrnoLimit, len(v), MaxLabel)
		}
	}
	return values, nil
}

// All returns the metrics as they are.
func (s *Set) All() (all []Metric) {
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

// Inherit adds what another version of the plugin has counted, so that counters do
// not fall back when this one takes its place. Gauges of both are as this one has
// set them.
func (s *Set) Inherit(from *Set, l *limit.Set) {
	from.mu.Lock()
	defer from.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range from.list {
		at := slices.IndexFunc(s.list, func(o *entry) bool { return o.Name == m.Name })
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
func (m *entry) inherit(from *entry, most int) {
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
func (m *entry) copy() *entry {
	out := &entry{Metric: m.Metric, series: map[string]*Series{}}
	out.Lost = 0
	out.inherit(m, len(m.series))
	return out
}

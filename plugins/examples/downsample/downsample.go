package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/happn-host/happn-host/plugins/sdk"
)

// rule says which readings become which averages.
type rule struct {
	From   string `json:"from"`   // pattern of the readings; one document each, the last segment is left out
	To     string `json:"to"`     // what goes before a series' path and a period's start
	Field  string `json:"field"`  // the number of a reading
	Period string `json:"period"` // such as 1h: how much time one average is of
	Keep   string `json:"keep"`   // how long readings are kept, "" for good

	period, keep time.Duration
}

type downsampler struct{ rules []rule }

// configure reads the operator's rules.
func (d *downsampler) configure(config []byte) error {
	var c struct {
		Rules []rule `json:"rules"`
	}
	decoder := json.NewDecoder(bytes.NewReader(config))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		return err
	}
	for i := range c.Rules {
		if err := c.Rules[i].check(); err != nil {
			return fmt.Errorf("rules[%d].%w", i, err)
		}
	}
	d.rules = c.Rules
	return nil
}

func (r *rule) check() (err error) {
	switch {
	case !strings.HasSuffix(r.From, "/*"):
		return errors.New("from must be a pattern that ends in /*")
	case r.To == "" || strings.Contains(r.To, "*"):
		return errors.New("to must be a path without wildcards")
	case r.Field == "":
		return errors.New("field is missing: the name of the number in a reading")
	}
	if r.period, err = time.ParseDuration(r.Period); err != nil || r.period < time.Second {
		return fmt.Errorf("period %q must be a time of at least 1s, such as 1h", r.Period)
	}
	if r.Keep == "" {
		return nil
	}
	if r.keep, err = time.ParseDuration(r.Keep); err != nil || r.keep < r.period {
		return fmt.Errorf("keep %q must be a time, and not less than the period", r.Keep)
	}
	return nil
}

// tick averages the last period that is over, of every rule, and removes what is
// too old. It may be repeated: it comes to the same.
func (d *downsampler) tick(now time.Time) error {
	for i := range d.rules {
		r := &d.rules[i]
		if err := r.average(now); err != nil {
			return fmt.Errorf("%s: %w", r.From, err)
		}
		if err := r.forget(now); err != nil {
			return fmt.Errorf("%s: %w", r.From, err)
		}
	}
	return nil
}

// summary is what becomes of the readings of one series in one period.
type summary struct {
	Count int     `json:"count"`
	Mean  float64 `json:"mean"`
	Min   float64 `json:"min"`
	Max   float64 `json:"max"`
	From  int64   `json:"from"` // Unix ms
	To    int64   `json:"to"`   // Unix ms, not of the period any more

	sum float64
}

func (s *summary) add(x float64) {
	if s.Count == 0 {
		s.Min, s.Max = x, x
	}
	s.Count++
	s.sum += x
	s.Min, s.Max = math.Min(s.Min, x), math.Max(s.Max, x)
}

// average writes the summaries of the last whole period before now.
func (r *rule) average(now time.Time) error {
	to := now.Truncate(r.period)
	from := to.Add(-r.period)
	series := map[string]*summary{}
	for doc, err := range sdk.Find(r.From, between("$gte", from, "$lt", to)) {
		if err != nil {
			return err
		}
		x, ok := number(doc.Data, r.Field)
		if !ok {
			continue
		}
		name := doc.Path[:strings.LastIndexByte(doc.Path, '/')]
		if series[name] == nil {
			series[name] = &summary{From: from.UnixMilli(), To: to.UnixMilli()}
		}
		series[name].add(x)
	}
	names := make([]string, 0, len(series))
	for name := range series {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		s := series[name]
		s.Mean = s.sum / float64(s.Count)
		data, err := json.Marshal(s)
		if err != nil {
			return err
		}
		if err := sdk.Set(r.To+name+"/"+strconv.FormatInt(s.From, 10), data, sdk.Write{}); err != nil {
			return err
		}
	}
	return nil
}

// forget removes the readings that are older than is kept.
func (r *rule) forget(now time.Time) error {
	if r.keep == 0 {
		return nil
	}
	_, err := sdk.Remove(r.From, sdk.Write{Options: between("$lt", now.Add(-r.keep), "", time.Time{})})
	return err
}

// between returns options that select by when documents were written last.
func between(op string, at time.Time, op2 string, at2 time.Time) []byte {
	out := fmt.Sprintf(`{"criteria":{"_meta.modified":{"%s":%d`, op, at.UnixMilli())
	if op2 != "" {
		out += fmt.Sprintf(`,"%s":%d`, op2, at2.UnixMilli())
	}
	return []byte(out + "}}}")
}

// number returns a number of a reading.
func number(data []byte, field string) (float64, bool) {
	var members map[string]json.RawMessage
	if json.Unmarshal(data, &members) != nil {
		return 0, false
	}
	x, err := strconv.ParseFloat(string(members[field]), 64)
	return x, err == nil
}

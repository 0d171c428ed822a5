package sdk

import (
	"bytes"
	"iter"
	"math"
	"strconv"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/plugins/sdk/rawjson"
)

// SearchQuery is a query in criteria, {$search: {<name>: <argument>}}. It is valid
// until the hook returns.
type SearchQuery struct {
	Name      string
	Argument  []byte // JSON
	Pattern   string // of the paths that are wanted; the host leaves out others
	Username  string // of who searches, "" for nobody
	SessionID string

	// Skip and Limit say which part of the result is asked for: the best Limit of
	// what comes behind the best Skip.
	Skip, Limit int
}

// SearchResult is a part of what a query finds, best first.
type SearchResult struct {
	Hits []Hit
	// More says that there is something behind the last hit.
	More bool
}

// Hit is a document that a query finds.
type Hit struct {
	Path  string
	Score float64
}

// OperatorCall is an operator in criteria, {field: {<name>: <argument>}}, and
// values of the field. It is valid until the hook returns.
type OperatorCall struct {
	Name      string
	Argument  []byte // JSON
	Pattern   string // of the paths that are searched
	Username  string // of who searches, "" for nobody
	SessionID string

	values  []byte
	answers []byte
	n       int // answers so far
}

// Values are the values, as JSON, by their number.
func (c *OperatorCall) Values() iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		n := 0
		for raw := range rawjson.Elements(c.values) {
			if !yield(n, raw) {
				return
			}
			n++
		}
	}
}

// Score says that a value matches, with a score that is finite: if the manifest has
// the operator among ranks, what has the lowest score comes first. Values are
// answered in their order; those that are passed over do not match.
func (c *OperatorCall) Score(n int, score float64) {
	if math.IsNaN(score) || math.IsInf(score, 0) {
		panic("the score of value " + strconv.Itoa(n) + " is not finite")
	}
	c.skipTo(n)
	c.answers = append(strconv.AppendFloat(c.answers, score, 'g', -1, 64), ',')
}

// Match says that a value matches, for operators that do not rank.
func (c *OperatorCall) Match(n int) {
	c.skipTo(n)
	c.answers = append(c.answers, "true,"...)
}

// skipTo answers for the values before one.
func (c *OperatorCall) skipTo(n int) {
	if n < c.n {
		panic("value " + strconv.Itoa(n) + " is answered too late: answer in the order of Values")
	}
	for ; c.n < n; c.n++ {
		c.answers = append(c.answers, "null,"...)
	}
	c.n++
}

// list answers for the remaining values, and returns all answers as JSON.
func (c *OperatorCall) list() []byte {
	count := 0
	for range c.Values() {
		count++
	}
	if c.n < count {
		c.skipTo(count)
	}
	return append(bytes.TrimSuffix(c.answers, []byte{','}), ']')
}

// search shows a query or an operator to the hook that is for it.
func (r *runner) search(p *Plugin, input []byte) (abi.Verdict, []byte) {
	return r.guarded(input, func(m *Message) (abi.Verdict, []byte) {
		if name, ok := rawjson.Lookup(m.record.Options, "operator"); ok {
			return r.operator(p, m, string(rawjson.Unquote(name)))
		}
		return r.query(p, m)
	})
}

func (r *runner) query(p *Plugin, m *Message) (abi.Verdict, []byte) {
	if p.Search == nil {
		return abi.VerdictReject, []byte("the plugin has no queries")
	}
	name, _ := rawjson.Lookup(m.record.Options, "query")
	result, err := p.Search(&SearchQuery{
		Name: string(rawjson.Unquote(name)), Argument: m.record.Data, Pattern: string(m.record.Path),
		Username: string(m.record.Username), SessionID: string(m.record.SessionID),
		Skip: wholeOption(m.record.Options, "skip"), Limit: wholeOption(m.record.Options, "limit"),
	})
	if err != nil {
		return abi.VerdictReject, []byte(err.Error())
	}
	data := []byte{'['}
	for i, h := range result.Hits {
		if i > 0 {
			data = append(data, ',')
		}
		data = rawjson.AppendString(append(data, `{"path":`...), h.Path)
		data = strconv.AppendFloat(append(data, `,"score":`...), h.Score, 'g', -1, 64)
		data = append(data, '}')
	}
	answer := abi.Record{Kind: abi.KindSearch, Data: append(data, ']')}
	if result.More {
		answer.Options = []byte(`{"more":true}`)
	}
	return abi.VerdictReplace, r.encode(&answer)
}

func (r *runner) operator(p *Plugin, m *Message, name string) (abi.Verdict, []byte) {
	if p.Operator == nil {
		return abi.VerdictReject, []byte("the plugin has no operators")
	}
	c := OperatorCall{
		Name: name, Pattern: string(m.record.Path), Username: string(m.record.Username), SessionID: string(m.record.SessionID), answers: []byte{'['},
	}
	c.Argument, _ = rawjson.Lookup(m.record.Data, "argument")
	c.values, _ = rawjson.Lookup(m.record.Data, "values")
	if err := p.Operator(&c); err != nil {
		return abi.VerdictReject, []byte(err.Error())
	}
	return abi.VerdictReplace, r.encode(&abi.Record{Kind: abi.KindSearch, Data: c.list()})
}

func wholeOption(options []byte, name string) int {
	value, _ := rawjson.Lookup(options, name)
	n, _ := strconv.Atoi(string(value))
	return n
}

// Search shows an encoded record to the search or operator hook, like Inbound.
func (r *Runner) Search(record []byte) (abi.Verdict, []byte) {
	return r.runner.search(&r.Plugin, record)
}

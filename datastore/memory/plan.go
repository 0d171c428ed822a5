package memory

import (
	"context"
	"slices"
	"strings"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/match"
)

// maxRanges bounds the ranges of one search: combinations of $in lists beyond
// that are left to the filter.
const maxRanges = 256

// narrowVisits is how many paths a pattern may cover for a walk over them to be
// taken without a look at the indexes.
const narrowVisits = 64

// plan is how a query finds its documents.
type plan struct {
	pattern pattern
	ix      *secondary // nil is a walk over the paths
	ranges  []keyRange
	reverse bool
	ordered bool // the documents come in the query's order
	exact   bool // what is in the ranges and under the pattern matches the filter
	inside  bool // what is in the index is under the pattern
	repeats bool // a document may come more than once

	wanted int // documents that are enough

	sifting sifting  // through columns, instead of a walk
	wishes  []string // fields of which a column would have helped

	points int  // fields of the index for which values are given
	ranged bool // the next field has a range
	tally  tally
}

// tally is what a search has looked at.
type tally struct {
	keys     int // of an index, or paths under the literal beginning of the pattern
	examined int // documents that the filter, if any, was asked about
}

// plan chooses how to carry out a query by pattern: an index if one helps, else
// columns, else a walk.
func (x *index) plan(ctx context.Context, q *datastore.Query, p pattern) plan {
	best := x.planIndex(q, p)
	if best.ix == nil {
		x.planColumns(ctx, &best, q)
	}
	return best
}

// planIndex chooses an index, if one helps.
func (x *index) planIndex(q *datastore.Query, p pattern) plan {
	best := plan{pattern: p, ordered: q.Order == nil, wanted: window(q)}
	if len(x.secondaries) == 0 || q.Filter == nil && q.Order == nil {
		return best
	}
	var bounds []datastore.Bound
	exact := q.Filter == nil
	if b, ok := q.Filter.(datastore.Bounded); ok {
		bounds, exact = b.Bounds()
	}
	if len(bounds) == 0 && q.Order == nil {
		return best
	}
	score, narrow := 0, false
	for _, ix := range x.secondaries {
		within := ix.within(q.Pattern)
		if within == nil {
			continue
		}
		if !narrow && len(p.prefix) > len(within.prefix) {
			if narrow = x.narrow(p, narrowVisits); narrow {
				return best
			}
		}
		c := plan{pattern: p, ix: ix, inside: *within == p, wanted: best.wanted}
		c.choose(q, bounds, exact)
		if s := c.score(); s > score {
			best, score = c, s
		}
	}
	return best
}

// within returns the pattern of the index that covers every path that the
// query's pattern covers: it matches the text of the pattern, taken as a path,
// since a '*' in that can only fall under a '*' of its own.
func (ix *secondary) within(text []byte) *pattern {
	for i := range ix.patterns {
		if ix.patterns[i].match(string(text)) {
			return &ix.patterns[i]
		}
	}
	return nil
}

// narrow reports whether the pattern covers fewer paths than that, so that
// nothing can help.
func (x *index) narrow(p pattern, few int) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	n := 0
	x.paths.Ascend(p.prefix, func(path string, _ *entry) bool {
		if !strings.HasPrefix(path, p.prefix) {
			return false
		}
		n++
		return n < few
	})
	return n < few
}

// score says how good an index is for the query; 0 is not at all. Values that
// are given narrow a search more than a range, and an order is worth the least,
// since it saves only the sorting.
func (p *plan) score() int {
	s := 3 * p.points
	if p.ranged {
		s += 2
	}
	if s == 0 && !p.inside {
		return 0 // it would look at what is outside the pattern too
	}
	if p.ordered {
		s++
	}
	return s
}

// firstChunk is how many entries of an index are picked up first: what will do
// if all match.
func (p *plan) firstChunk() int {
	if p.ordered {
		return min(p.wanted, chunkMatches)
	}
	return chunkMatches
}

// choose works out the ranges, and what they promise.
func (p *plan) choose(q *datastore.Query, bounds []datastore.Bound, exact bool) {
	arrays, odd := p.ix.arrays.Load() > 0, p.ix.odd.Load() > 0
	used, single := p.narrowDown(bounds, arrays)
	p.exact = exact && used == len(bounds) && !arrays && !odd
	p.repeats = arrays
	p.ordered = !arrays && !odd && p.givesOrder(q.Order, single)
	if p.points == len(p.ix.fields) && !p.reverse {
		for i := range p.ranges { // one group of documents in path order
			r := &p.ranges[i]
			*r = keyRange{r.low + p.pattern.prefix, r.high}
			if p.pattern.prefix != "" {
				if high := match.After(r.low); high != "" {
					r.high = high
				}
			}
		}
	}
	if odd {
		p.ranges = append(p.ranges, keyRange{oddKey, behindOdd})
	}
	p.ranges = ordered(p.ranges)
}

// narrowDown turns bounds into ranges, field by field while there are bounds:
// first values that are given, then at most one range. used is how many bounds
// the ranges stand for; single, for how many fields there is one value only.
func (p *plan) narrowDown(bounds []datastore.Bound, arrays bool) (used, single int) {
	prefixes := []string{""}
	for number := range p.ix.fields {
		var mine []datastore.Bound
		for i := range bounds {
			if bounds[i].Field == p.ix.fields[number].Name {
				mine = append(mine, bounds[i])
			}
		}
		if arrays && len(mine) > 1 {
			mine = mine[:1] // another element may satisfy the other one
		}
		if len(mine) == 0 || len(prefixes)*len(mine[0].Intervals) > maxRanges {
			break
		}
		used += len(mine)
		if len(mine) > 1 || !slices.ContainsFunc(mine[0].Intervals, isPoint) && len(mine[0].Intervals) > 0 {
			p.ranged = true
			p.ranges = p.cut(prefixes, number, mine)
			return used, single
		}
		longer := make([]string, 0, len(prefixes)*len(mine[0].Intervals))
		for _, prefix := range prefixes {
			for _, in := range mine[0].Intervals {
				low, _ := p.ix.keys.Range(prefix, number, in)
				longer = append(longer, low)
			}
		}
		prefixes = longer
		p.points++
		if single == number && len(prefixes) == 1 {
			single++
		}
	}
	p.ranges = make([]keyRange, len(prefixes))
	for i, prefix := range prefixes {
		p.ranges[i] = keyRange{prefix, behindAll}
		if prefix != "" {
			p.ranges[i].high = match.After(prefix)
		}
	}
	if p.points == 0 { // all of it but the odd
		p.ranges[0].low = behindOdd
	}
	return used, single
}

// behindAll is behind every key: those begin with the byte of a type.
const behindAll = "\xff\xff"

// isPoint reports whether an interval is one value. All of a bound are, or none.
func isPoint(in datastore.Interval) bool {
	return in.Low != nil && !in.LowOpen && !in.HighOpen && string(in.Low) == string(in.High)
}

// cut returns the ranges in which all the bounds on one field hold.
func (p *plan) cut(prefixes []string, number int, bounds []datastore.Bound) []keyRange {
	var all []keyRange
	for _, prefix := range prefixes {
		var ranges []keyRange
		for i, b := range bounds {
			var next []keyRange
			for _, in := range b.Intervals {
				low, high := p.ix.keys.Range(prefix, number, in)
				if i == 0 {
					next = append(next, keyRange{low, high})
					continue
				}
				for _, r := range ranges {
					next = append(next, keyRange{max(r.low, low), min(r.high, high)})
				}
			}
			ranges = ordered(next)
		}
		all = append(all, ranges...)
	}
	return all
}

// givesOrder reports whether the search meets the documents in the order, and
// sets its direction. With the first single fields all the same, that takes
// the rest of the fields in the order of the sort, all in its directions or
// all in the opposite ones.
func (p *plan) givesOrder(order datastore.Order, single int) bool {
	if order == nil { // by path, which is the order among equal values
		return single == len(p.ix.fields)
	}
	keyed, ok := order.(datastore.Keyed)
	if !ok {
		return false
	}
	rest := p.ix.fields[single:]
	n := 0
	for _, key := range keyed.Keys() {
		if slices.ContainsFunc(p.ix.fields[:single], func(f datastore.IndexField) bool { return f.Name == key.Name }) {
			continue
		}
		if n == len(rest) || rest[n].Name != key.Name {
			return false
		}
		reverse := rest[n].Descending != key.Descending
		if n > 0 && reverse != p.reverse {
			p.reverse = false
			return false
		}
		p.reverse = reverse
		n++
	}
	if n < len(rest) {
		p.reverse = false
		return false
	}
	return true
}

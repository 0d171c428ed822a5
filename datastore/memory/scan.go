package memory

import (
	"context"
	"slices"
	"sync"

	"github.com/tidwall/btree"

	"github.com/happn-host/happn-host/datastore/match"
)

// keyRange is the keys from low on, up to high, which is not within.
type keyRange struct{ low, high string }

// scan is one search in a secondary index: the ranges one after the other,
// which are in the order of the keys and do not overlap.
//
// What fits a chunk is picked up under the index's lock. For more, the tree is
// copied, which only shares it, and the search goes on in the copy; if it was
// changed after the first chunk, from the beginning, without what that had. So
// an entry that changes its place meanwhile is neither met twice nor missed.
type scan struct {
	ix      *secondary
	ranges  []keyRange
	reverse bool // the last range first, values backwards, paths still forwards
	chunk   int  // how many entries to pick up at a time

	tree    *btree.Map[string, place] // the copy, nil before there is one
	changes uint64                    // of the index at the first chunk
	early   map[*entry]struct{}       // met in the first chunk, if there were changes after it
	at      int                       // ranges done
	from    string                    // where in the range to go on
	group   string                    // reverse: the values whose paths come now
	begun   bool                      // from, or group, is valid
	found   []*entry
}

var scans = sync.Pool{New: func() any {
	return &scan{found: make([]*entry, 0, chunkMatches)}
}}

// scan calls visit for each entry in the ranges until visit returns false.
// visit is called without locks. live is asked once a chunk whether to go on.
func (ix *secondary) scan(ctx context.Context, p *plan, live func() error, visit func(*entry) bool) error {
	c := scans.Get().(*scan)
	c.ix, c.ranges, c.reverse, c.chunk = ix, p.ranges, p.reverse, p.firstChunk()
	defer c.release()
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := live(); err != nil {
			return err
		}
		more = c.fill()
		for _, e := range c.found {
			if _, met := c.early[e]; !met && !visit(e) {
				return nil
			}
		}
	}
	return nil
}

// fill picks up the next entries and reports whether there may be more.
func (c *scan) fill() bool {
	if c.tree == nil && !c.begun {
		c.ix.mu.RLock()
		defer c.ix.mu.RUnlock()
		c.changes = c.ix.changes
		return c.pick(c.ix.tree)
	}
	if c.tree == nil {
		c.chunk = chunkMatches
		c.ix.mu.Lock()
		c.tree = c.ix.tree.Copy()
		changed := c.ix.changes != c.changes
		c.ix.mu.Unlock()
		if changed {
			c.early = make(map[*entry]struct{}, len(c.found))
			for _, e := range c.found {
				c.early[e] = struct{}{}
			}
			c.at, c.begun, c.group = 0, false, ""
		}
	}
	return c.pick(c.tree)
}

func (c *scan) pick(tree *btree.Map[string, place]) bool {
	c.found = c.found[:0]
	for c.at < len(c.ranges) {
		if c.reverse {
			c.backwards(tree, c.ranges[len(c.ranges)-1-c.at])
		} else {
			r := c.ranges[c.at]
			if !c.begun {
				c.from, c.begun = r.low, true
			}
			c.forwards(tree, r.high)
		}
		if len(c.found) == c.chunk {
			return true
		}
		c.at, c.begun, c.group = c.at+1, false, ""
	}
	return false
}

// forwards picks up entries from c.from on, up to high, and leaves c.from at the
// first that it has not taken.
func (c *scan) forwards(tree *btree.Map[string, place], high string) {
	next := high
	tree.Ascend(c.from, func(key string, p place) bool {
		if key >= high {
			return false
		}
		if len(c.found) == c.chunk {
			next = key
			return false
		}
		c.found = append(c.found, p.entry)
		return true
	})
	c.from = next
}

// backwards picks up one group of equal values after the other, the paths of
// each forwards. Between groups c.from is behind the keys that are left.
func (c *scan) backwards(tree *btree.Map[string, place], r keyRange) {
	if !c.begun {
		c.from, c.begun = r.high, true
	}
	for {
		if c.group == "" && !c.nextGroup(tree, r.low) {
			return
		}
		c.forwards(tree, match.After(c.group))
		if len(c.found) == c.chunk {
			return
		}
		c.from, c.group = c.group, ""
	}
}

// nextGroup finds the last group before c.from, if it is not before low.
func (c *scan) nextGroup(tree *btree.Map[string, place], low string) (found bool) {
	tree.Descend(c.from, func(key string, p place) bool {
		if key >= c.from {
			return true
		}
		if key >= low {
			c.group, found = key[:p.fields], true
		}
		return false
	})
	if found {
		c.from = c.group
	}
	return found
}

// release drops what the search has picked up.
func (c *scan) release() {
	clear(c.found[:cap(c.found)])
	*c = scan{found: c.found[:0]}
	scans.Put(c)
}

// ordered sorts ranges and drops what is empty or twice.
func ordered(ranges []keyRange) []keyRange {
	ranges = slices.DeleteFunc(ranges, func(r keyRange) bool { return r.low >= r.high })
	slices.SortFunc(ranges, func(a, b keyRange) int {
		if a.low < b.low {
			return -1
		}
		if a.low > b.low {
			return 1
		}
		return 0
	})
	out := ranges[:0]
	for _, r := range ranges {
		if n := len(out); n > 0 && r.low < out[n-1].high {
			out[n-1].high = max(out[n-1].high, r.high)
			continue
		}
		out = append(out, r)
	}
	return out
}

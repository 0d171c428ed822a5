package memory

import (
	"context"
	"strings"
	"sync"

	"github.com/happn-host/happn-host/datastore"
)

// chunkMatches and chunkVisits bound how much a walk does while it holds the
// lock of the ordered paths: a writer that adds a path waits some 10 us.
const (
	chunkMatches = 128
	chunkVisits  = 512
)

// walker is one walk over the ordered paths under a pattern.
type walker struct {
	pattern pattern
	from    string // the next path to look at, if it exists
	done    bool
	found   []*entry
}

var walkers = sync.Pool{New: func() any {
	return &walker{found: make([]*entry, 0, chunkMatches)}
}}

// walk calls visit for each document that the pattern covers, in path order,
// until visit returns false. visit is called without locks. live is asked once
// a chunk whether to go on.
func (x *index) walk(ctx context.Context, p pattern, live func() error, visit func(*datastore.Document) bool) error {
	w := walkers.Get().(*walker)
	w.pattern, w.from, w.done = p, p.prefix, false
	defer w.release()
	for !w.done {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := live(); err != nil {
			return err
		}
		w.fill(x)
		for _, e := range w.found {
			if doc := e.doc.Load(); doc != nil && !visit(doc) {
				return nil
			}
		}
	}
	return nil
}

// fill picks up the next entries.
func (w *walker) fill(x *index) {
	w.found = w.found[:0]
	visits, every := 0, w.pattern.all()
	w.done = true
	x.mu.RLock()
	defer x.mu.RUnlock()
	x.paths.Ascend(w.from, func(path string, e *entry) bool {
		if !strings.HasPrefix(path, w.pattern.prefix) {
			return false
		}
		if visits == chunkVisits || len(w.found) == chunkMatches {
			w.from, w.done = path, false
			return false
		}
		visits++
		if every || w.pattern.match(path) {
			w.found = append(w.found, e)
		}
		return true
	})
}

// release drops what the walk has picked up, so that the pool keeps no
// documents alive.
func (w *walker) release() {
	clear(w.found[:cap(w.found)])
	w.found = w.found[:0]
	w.pattern, w.from = pattern{}, ""
	walkers.Put(w)
}

package pipeline

import "context"

// batch collects documents until there are enough to show to operators at once,
// and yields those that all of them let through.
type batch struct {
	search *searched
	yield  func(found) bool
	enough bool // yield wants no more
	err    error

	docs   []found
	values [][]byte // of the first of the documents, for one operator
	ends   []int    // where the values of each of them end
	scores []Score
}

// add takes a document, and reports whether more are wanted.
func (b *batch) add(ctx context.Context, f found) bool {
	if len(b.search.operators) == 0 {
		b.enough = !b.yield(f)
		return !b.enough
	}
	b.docs = append(b.docs, f)
	return len(b.docs) < batchValues || b.flush(ctx)
}

// flush shows what has been collected to the operators, one after the other. It
// reports whether more documents are wanted.
func (b *batch) flush(ctx context.Context) bool {
	for i := range b.search.operators {
		if len(b.docs) == 0 {
			break
		}
		if b.err = b.apply(ctx, i); b.err != nil {
			return false
		}
	}
	for _, f := range b.docs {
		if !b.yield(f) {
			b.enough = true
			break
		}
	}
	b.docs = b.docs[:0]
	return !b.enough
}

// apply keeps the documents that an operator lets through.
func (b *batch) apply(ctx context.Context, i int) error {
	o := &b.search.operators[i]
	kept := b.docs[:0]
	for docs := b.docs; len(docs) > 0; docs = docs[len(b.ends):] {
		if err := b.search.late(ctx); err != nil {
			return err
		}
		b.gather(o, docs)
		if cap(b.scores) < len(b.values) {
			b.scores = make([]Score, len(b.values))
		}
		scores := b.scores[:len(b.values)]
		clear(scores)
		if len(scores) > 0 {
			if err := o.Score(ctx, &b.search.asker, o.on.Argument, b.values, scores); err != nil {
				return err
			}
		}
		from := 0
		for n, end := range b.ends {
			f, best := docs[n], least(scores[from:end])
			if from = end; !best.Matches {
				continue
			}
			if i == b.search.ranking {
				f.score = best.Value
			}
			kept = append(kept, f)
		}
	}
	b.docs = kept
	return nil
}

// gather takes the values of as many of the documents as an operator is shown at
// once, of one at least: as far as one has too many, or they are too large,
// nobody looks at them.
func (b *batch) gather(o *appliedOperator, docs []found) {
	b.values, b.ends = b.values[:0], b.ends[:0]
	bytes := 0
	for _, f := range docs {
		before, size := len(b.values), 0
		o.on.Values(f.doc, func(raw []byte) bool {
			if size+len(raw) <= batchBytes {
				b.values, size = append(b.values, raw), size+len(raw)
			}
			return len(b.values)-before < batchValues
		})
		if before > 0 && (len(b.values) > batchValues || bytes+size > batchBytes) {
			b.values = b.values[:before] // the next time
			return
		}
		bytes += size
		b.ends = append(b.ends, len(b.values))
	}
}

// least returns the lowest score of those that match.
func least(scores []Score) (best Score) {
	for _, s := range scores {
		if s.Matches && (!best.Matches || s.Value < best.Value) {
			best = s
		}
	}
	return best
}

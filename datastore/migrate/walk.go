package migrate

import (
	"context"
	"errors"

	"github.com/happn-host/happn-host/datastore"
)

// Bounds of what is looked up and stored at a time.
const (
	batchDocuments = 500
	batchBytes     = 4 << 20
)

// seen is a document of the source, and what the target has at its path.
type seen struct {
	item     *Item
	refused  error               // why it cannot be stored
	finished bool                // an earlier run had finished with it
	there    *datastore.Document // nobody looked for it if refused or finished
}

func (s *seen) wanted() bool { return s.refused == nil && !s.finished }

// errAnew says that the source does not begin with what an earlier run had
// finished with.
var errAnew = errors.New("the source has changed since the copy was interrupted")

// walk calls visit for the documents that are to be copied, a batch at a time,
// with the number in the source of the last document seen. It tells of the
// progress.
func (r *run) walk(ctx context.Context, phase Phase, visit func(upTo int64, batch []seen) error) error {
	p := Progress{Phase: phase, Origin: r.report.Origin}
	r.tell(p)
	r.checkpoints.begin()
	var batch []seen
	size := 0
	flush := func() error {
		if err := r.lookUp(ctx, batch); err != nil {
			return err
		}
		err := visit(p.Documents, batch)
		batch, size = nil, 0
		return err
	}
	err := r.Source.Documents(ctx, func(item Item) error {
		p.Documents++
		p.Read = item.Read
		if p.Documents%256 == 0 {
			r.tell(p)
		}
		if err := r.checkpoints.passes(p.Documents, &item); err != nil {
			return err
		}
		finished := p.Documents <= r.checkpoints.was.Documents
		if !r.isCopied(phase, &item) || finished && phase == Copying {
			return nil
		}
		batch = append(batch, seen{item: &item, refused: r.judge.refuse(&item), finished: finished})
		size += len(item.Doc.Path) + len(item.Doc.Data)
		if len(batch) < batchDocuments && size < batchBytes {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = r.checkpoints.passed(p.Documents)
	}
	if err == nil {
		err = flush()
	}
	r.tell(p)
	return err
}

// isCopied reports whether an item is part of the copy. The first look counts
// those that are not.
func (r *run) isCopied(phase Phase, item *Item) bool {
	count := new(int64)
	switch {
	case isOwn(item.Doc.Path):
		count = &r.report.Own
	case !r.selection.has(item.Doc.Path):
		count = &r.report.Excluded
	default:
		return true
	}
	if phase == Looking {
		*count++
	}
	return false
}

func (r *run) tell(p Progress) {
	if r.Progress != nil {
		r.Progress(p)
	}
}

// lookUp fills in what the target has.
func (r *run) lookUp(ctx context.Context, batch []seen) error {
	paths := make([]string, 0, len(batch))
	for i := range batch {
		if batch[i].wanted() {
			paths = append(paths, batch[i].item.Doc.Path)
		}
	}
	if len(paths) == 0 {
		return nil
	}
	found, err := datastore.GetAll(ctx, r.Target, paths)
	if err != nil {
		return err
	}
	for i := range batch {
		if batch[i].wanted() {
			batch[i].there, found = found[0], found[1:]
		}
	}
	return nil
}

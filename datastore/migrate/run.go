package migrate

import (
	"context"
	"errors"
	"fmt"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// Bounds of a batch.
const (
	batchDocuments = 500
	batchBytes     = 4 << 20
)

// Run looks at everything, copies unless it is a dry run, and verifies if asked.
// When ctx ends it finishes the batch that it is at, notes how far it got and
// returns the context's error; the report is true also then.
func Run(ctx context.Context, o Options) (*Report, error) {
	if o.OnConflict == "" {
		o.OnConflict = Fail
	}
	r := &run{
		Options: o, selection: newSelection(o), checkpoints: newCheckpoints(o),
		judge:  judge{options: o, scanner: rawjson.Scanner{MaxDepth: o.JSONDepth}},
		report: &Report{Origin: o.Source.Origin(), Tops: make(map[string]*Top)},
	}
	return r.report, r.all(ctx)
}

// run is one copy.
type run struct {
	Options
	selection   selection
	judge       judge
	checkpoints *checkpoints
	report      *Report
}

func (r *run) all(ctx context.Context) (err error) {
	if r.report.Resumed, err = r.checkpoints.load(ctx); err != nil {
		return err
	}
	if err := r.look(ctx); err != nil {
		return err
	}
	if err := r.mayCopy(); err != nil || r.DryRun {
		return err
	}
	if err := r.copy(ctx); err != nil {
		return err
	}
	if err := r.checkpoints.clear(ctx); err != nil {
		return err
	}
	if r.Verify {
		return r.verify(ctx)
	}
	return nil
}

// mayCopy reports why the first look forbids to go on.
func (r *run) mayCopy() error {
	var errs []error
	if r.report.Refused > 0 && !r.SkipRefused {
		errs = append(errs, fmt.Errorf("%w: %d", ErrRefused, r.report.Refused))
	}
	if r.report.Conflicts > 0 {
		errs = append(errs, fmt.Errorf("%w: %d", ErrConflict, r.report.Conflicts))
	}
	return errors.Join(errs...)
}

// walk calls visit for each document that is to be copied, with its number in
// the source, and tells of the progress.
func (r *run) walk(ctx context.Context, phase Phase, visit func(n int64, item *Item) error) error {
	p := Progress{Phase: phase, Origin: r.report.Origin}
	r.tell(p)
	err := r.Source.Documents(ctx, func(item Item) error {
		p.Documents++
		p.Read = item.Read
		if p.Documents%256 == 0 {
			r.tell(p)
		}
		if isCheckpoint(item.Doc.Path) || !r.selection.has(item.Doc.Path) {
			if phase == Looking {
				r.report.Excluded++
			}
			return nil
		}
		return visit(p.Documents, &item)
	})
	r.tell(p)
	return err
}

func (r *run) tell(p Progress) {
	if r.Progress != nil {
		r.Progress(p)
	}
}

// look fills the report with what would be done.
func (r *run) look(ctx context.Context) error {
	rep := r.report
	return r.walk(ctx, Looking, func(n int64, item *Item) error {
		rep.count(item)
		if err := r.judge.refuse(item); err != nil {
			rep.Refused++
			rep.Refusals = example(rep.Refusals, item, err.Error())
			return nil
		}
		if top(item.Doc.Path) != "/_SYSTEM" && r.Settable != nil && !r.Settable([]byte(item.Doc.Path)) {
			rep.Unsettable++
		}
		if n <= rep.Resumed {
			rep.Same++
			return nil
		}
		v, err := r.judge.decide(ctx, &item.Doc)
		if err != nil {
			return err
		}
		switch v {
		case fresh:
			rep.New++
		case same:
			rep.Same++
		case replace:
			rep.Replaced++
		case keep:
			rep.Kept++
		case conflict:
			rep.Conflicts++
			if len(rep.ConflictPaths) < maxExamples {
				rep.ConflictPaths = append(rep.ConflictPaths, item.Doc.Path)
			}
		}
		return nil
	})
}

// copy stores what the target does not have.
func (r *run) copy(ctx context.Context) error {
	var batch []*datastore.Document
	var size int
	var done int64 // documents of the source that are finished with
	flush := func(ctx context.Context, upTo int64) error {
		if len(batch) > 0 {
			if err := r.Target.Import(ctx, batch); err != nil {
				return fmt.Errorf("storing documents: %w", err)
			}
			r.report.Stored += int64(len(batch))
			batch, size = nil, 0
		}
		done = upTo
		return r.checkpoints.saveSometimes(ctx, done)
	}
	var last int64
	err := r.walk(ctx, Copying, func(n int64, item *Item) error {
		last = n
		if n <= r.report.Resumed || r.judge.refuse(item) != nil {
			return nil
		}
		v, err := r.judge.decide(ctx, &item.Doc)
		switch {
		case err != nil:
			return err
		case v == conflict: // since the look
			return fmt.Errorf("%w: %s", ErrConflict, item.Doc.Path)
		case v == fresh, v == replace:
			batch = append(batch, &item.Doc)
			size += len(item.Doc.Path) + len(item.Doc.Data)
		}
		if len(batch) < batchDocuments && size < batchBytes {
			return nil
		}
		return flush(ctx, n)
	})
	if err == nil {
		return flush(ctx, last)
	}
	if done = max(done, r.report.Resumed); done > 0 {
		err = errors.Join(err, r.checkpoints.save(context.WithoutCancel(ctx), done))
	}
	return err
}

// verify compares the target with the source.
func (r *run) verify(ctx context.Context) error {
	rep := r.report
	err := r.walk(ctx, Verifying, func(_ int64, item *Item) error {
		if r.judge.refuse(item) != nil {
			return nil // counted by the look
		}
		there, err := r.Target.Get(ctx, []byte(item.Doc.Path))
		switch {
		case err != nil:
			return err
		case there == nil:
			r.differs(item, "it is missing in the target")
		case equal(&item.Doc, there):
			rep.Verified++
		case r.OnConflict == Skip, r.OnConflict == Newer && there.Modified >= item.Doc.Modified:
			// the target's own was to stay
		default:
			r.differs(item, "the target has another one")
		}
		return nil
	})
	if err == nil && rep.Differing > 0 {
		err = fmt.Errorf("%w in %d documents", ErrDiffers, rep.Differing)
	}
	return err
}

func (r *run) differs(item *Item, how string) {
	r.report.Differing++
	r.report.Differences = example(r.report.Differences, item, how)
}

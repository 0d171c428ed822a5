package migrate

import (
	"context"
	"errors"
	"fmt"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/internal/rawjson"
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
		judge: judge{options: o, scanner: rawjson.Scanner{MaxDepth: o.JSONDepth}},
	}
	err := r.all(ctx)
	return r.report, err
}

// run is one copy.
type run struct {
	Options
	selection   selection
	judge       judge
	checkpoints *checkpoints
	report      *Report
}

func (r *run) all(ctx context.Context) error {
	r.report = newReport(r.Source.Origin())
	if err := r.checkpoints.load(ctx); err != nil {
		return err
	}
	err := r.lookAndCopy(ctx)
	if errors.Is(err, errAnew) {
		r.report = newReport(r.Source.Origin())
		r.checkpoints.forget()
		err = r.lookAndCopy(ctx)
	}
	if err != nil || r.DryRun {
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

func (r *run) lookAndCopy(ctx context.Context) error {
	r.report.Resumed = r.checkpoints.was.Documents
	if err := r.look(ctx); err != nil {
		return err
	}
	if err := r.mayCopy(); err != nil || r.DryRun {
		return err
	}
	return r.copy(ctx)
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

// look fills the report with what would be done.
func (r *run) look(ctx context.Context) error {
	return r.walk(ctx, Looking, func(_ int64, batch []seen) error {
		for i := range batch {
			r.lookAt(&batch[i])
		}
		return nil
	})
}

func (r *run) lookAt(one *seen) {
	rep, item := r.report, one.item
	rep.count(item)
	if one.refused != nil {
		rep.Refused++
		rep.Refusals = example(rep.Refusals, item, one.refused.Error())
		return
	}
	if top(item.Doc.Path) != "/_SYSTEM" && r.Settable != nil && !r.Settable([]byte(item.Doc.Path)) {
		rep.Unsettable++
	}
	if one.finished {
		rep.Same++
		return
	}
	switch r.judge.decide(&item.Doc, one.there) {
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
}

// copy stores what the target does not have.
func (r *run) copy(ctx context.Context) error {
	finished := false
	err := r.walk(ctx, Copying, func(upTo int64, batch []seen) error {
		docs, err := r.missing(batch)
		if err != nil {
			return err
		}
		if len(docs) > 0 {
			if err := r.Target.Import(ctx, docs); err != nil {
				return fmt.Errorf("storing documents: %w", err)
			}
			r.report.Stored += int64(len(docs))
		}
		finished = true
		return r.checkpoints.reach(ctx, upTo)
	})
	if err == nil || errors.Is(err, errAnew) || !finished {
		return err
	}
	return errors.Join(err, r.checkpoints.save(context.WithoutCancel(ctx)))
}

// missing returns the documents of a batch that are to be stored.
func (r *run) missing(batch []seen) ([]*datastore.Document, error) {
	var docs []*datastore.Document
	for _, one := range batch {
		if one.refused != nil {
			continue
		}
		doc := &one.item.Doc
		switch r.judge.decide(doc, one.there) {
		case conflict: // since the look
			return nil, fmt.Errorf("%w: %s", ErrConflict, doc.Path)
		case fresh, replace:
			docs = append(docs, doc)
		}
	}
	return docs, nil
}

// verify compares the target with the source.
func (r *run) verify(ctx context.Context) error {
	err := r.walk(ctx, Verifying, func(_ int64, batch []seen) error {
		for i := range batch {
			r.compare(&batch[i])
		}
		return nil
	})
	if err == nil && r.report.Differing > 0 {
		err = fmt.Errorf("%w in %d documents", ErrDiffers, r.report.Differing)
	}
	return err
}

func (r *run) compare(one *seen) {
	doc, there := &one.item.Doc, one.there
	switch {
	case one.refused != nil: // counted by the look
	case there == nil:
		r.differs(one.item, "it is missing in the target")
	case equal(doc, there):
		r.report.Verified++
	case r.OnConflict == Skip, r.OnConflict == Newer && there.Modified >= doc.Modified:
		// the target's own was to stay
	default:
		r.differs(one.item, "the target has another one")
	}
}

func (r *run) differs(item *Item, how string) {
	r.report.Differing++
	r.report.Differences = example(r.report.Differences, item, how)
}

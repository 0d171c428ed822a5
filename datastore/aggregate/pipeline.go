package aggregate

import (
	"context"
	"time"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/expr"
	"github.com/happn-host/happn-host/datastore/match"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// Bounds of what a client may send.
const (
	// MaxBytes is the size of a pipeline.
	MaxBytes = 256 << 10
	// MaxStages is the number of stages, with those inside $facet and $lookup.
	MaxStages = 200
	// maxDocument is the size of one document on its way.
	maxDocument = 32 << 20
	// maxNesting is how deep pipelines may stand in stages of others.
	maxNesting = 8
)

// Error is a mistake in a pipeline, or a document that it cannot be worked out
// for.
type Error = expr.Error

// Source calls yield for each document that the pipeline starts with, until
// yield returns false.
type Source func(yield func(*datastore.Document) bool) error

// LookupFunc is how $lookup reads. from is what stands in the stage: a path, in
// which '*' stands for any text. It calls yield, until that returns false, for
// those documents on it that the caller of the pipeline may read, and returns
// an error if there are none that he may.
type LookupFunc func(ctx context.Context, from string, yield func(*datastore.Document) bool) error

// Limits bounds one run. The zero value is the defaults.
type Limits struct {
	Bytes     int // of documents kept, and of the result; 0 is 64 MiB
	Documents int // kept at a time by all stages together; 0 is 1,000,000
	// Steps is what $unwind and $lookup may do beside going once through the
	// documents that the pipeline starts with: a step is a document that they
	// make, or look at, and one more for each KiB of it. 0 is 20,000,000.
	Steps int
}

func (l Limits) withDefaults() Limits {
	if l.Bytes <= 0 {
		l.Bytes = 64 << 20
	}
	if l.Documents <= 0 {
		l.Documents = 1_000_000
	}
	if l.Steps <= 0 {
		l.Steps = 20_000_000
	}
	return l
}

// Pipeline is a compiled pipeline. It is immutable and safe for concurrent use.
type Pipeline struct {
	stages  []stage
	lookups []string
	by      expr.Collation
	search  search
	raw     []byte
}

// stage is a compiled stage.
type stage interface {
	// start returns a sink that does the work of the stage and hands what
	// comes out of it to next.
	start(r *run, next sink) sink
}

// sink takes documents, one by one.
type sink interface {
	// add takes a document and reports whether more are wanted.
	add(doc expr.Value) (more bool, err error)
	// end is called once after the last document, also when none are wanted.
	end() error
}

// run is one run of a pipeline.
type run struct {
	ctx    context.Context
	room   *Limits // what is left; shared by the pipelines inside stages
	lookup LookupFunc
	by     expr.Collation
	env    *expr.Env // shared by all expressions: they run one at a time
	now    int64
	steps  int
}

// Compile compiles a pipeline: a JSON array of stages. It keeps no part of raw.
// Texts are compared by the collation, nil is by bytes. Errors that the client
// caused are of type *Error.
func Compile(raw []byte, by expr.Collation) (*Pipeline, error) {
	at := expr.Root("aggregate")
	if len(raw) > MaxBytes {
		return nil, at.Errorf("a pipeline of %d bytes is too large, at most %d are allowed", len(raw), MaxBytes)
	}
	if err := new(rawjson.Scanner).Valid(raw); err != nil {
		return nil, at.Errorf("%s", err)
	}
	raw = raw[rawjson.Space(raw, 0):]
	p := &Pipeline{by: by}
	c := compiler{by: by, lookups: &p.lookups}
	var err error
	raw = raw[:rawjson.End(raw, 0)]
	p.stages, err = c.stages(raw, at)
	if err != nil {
		return nil, err
	}
	p.raw = append([]byte(nil), raw...)
	p.search = c.plan(p.raw, p.stages)
	return p, nil
}

// Lookups returns what stands as "from" in the pipeline's $lookup stages, so
// that the right to read it can be checked beforehand. It must not be changed.
func (p *Pipeline) Lookups() []string { return p.lookups }

// Options is what a run may be given. The zero value is ready to use.
type Options struct {
	Lookup LookupFunc // nil: $lookup fails
	Limits Limits
}

// Run runs the pipeline on the documents of source and returns the result as
// a JSON array. It fails with an *Error for what the client caused, with the
// error of ctx, of source or of the lookup.
func (p *Pipeline) Run(ctx context.Context, source Source, o Options) ([]byte, error) {
	r, out := p.newRun(ctx, o)
	if err := r.feed(start(p.stages, r, out), source); err != nil {
		return nil, err
	}
	return out.json, nil
}

func (p *Pipeline) newRun(ctx context.Context, o Options) (*run, *writer) {
	room := o.Limits.withDefaults()
	r := &run{ctx: ctx, room: &room, lookup: o.Lookup, by: p.by, now: time.Now().UnixMilli()}
	r.env = &expr.Env{Now: r.now, By: r.by}
	return r, &writer{run: r, json: []byte{'['}}
}

// start connects stages with each other, and the last one with next.
func start(stages []stage, r *run, next sink) sink {
	for i := len(stages) - 1; i >= 0; i-- {
		next = stages[i].start(r, next)
	}
	return next
}

// feed sends documents from the store through stages.
func (r *run) feed(first sink, source Source) error {
	var failed error
	err := source(func(doc *datastore.Document) bool {
		if failed = r.step(); failed != nil {
			return false
		}
		var more bool
		more, failed = first.add(match.DocumentValue(doc))
		return more && failed == nil
	})
	if err := onlyOne(failed, err); err != nil {
		return err
	}
	return first.end()
}

// onlyOne returns the failure of a stage rather than what its caller made of it.
func onlyOne(failed, err error) error {
	if failed != nil {
		return failed
	}
	return err
}

// step looks now and then whether anybody still waits for the result.
func (r *run) step() error {
	if r.steps++; r.steps%256 != 0 {
		return nil
	}
	return r.ctx.Err()
}

// multiply is step for a document that a stage makes of another, or looks at for
// its sake: of those there may be many more than the store has.
func (r *run) multiply(doc expr.Value) error {
	if r.room.Steps -= 1 + doc.Size()/1024; r.room.Steps < 0 {
		return &Error{Problem: "the pipeline does too much for one run; match or limit before $unwind and $lookup, or give $lookup a localField and foreignField"}
	}
	return r.step()
}

// keep takes room for what a stage keeps, or returns an error.
func (r *run) keep(documents, bytes int) error {
	r.room.Documents -= documents
	r.room.Bytes -= bytes
	if r.room.Documents < 0 || r.room.Bytes < 0 {
		return &Error{Problem: "the pipeline keeps more documents than one run may; match, project or limit first"}
	}
	return nil
}

// free gives back room for what is no longer kept.
func (r *run) free(documents, bytes int) { _ = r.keep(-documents, -bytes) }

// writer collects the result.
type writer struct {
	run  *run
	json []byte
}

func (w *writer) add(doc expr.Value) (bool, error) {
	if len(w.json) > 1 {
		w.json = append(w.json, ',')
	}
	before := len(w.json)
	w.json = doc.AppendJSON(w.json)
	return true, w.run.keep(0, len(w.json)-before)
}

func (w *writer) end() error {
	w.json = append(w.json, ']')
	return nil
}

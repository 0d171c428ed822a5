package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/datastore"
)

// maxUnfinished is how many writes of one agent may be on their way to the store
// and to subscribers. It may not wait for them: what publishes may wait for it.
const maxUnfinished = 4096

// written is what a store has answered to a write.
type written struct {
	kind    opKind
	removed int
	docs    []*datastore.Document // of a bulk write
	err     error
}

func (o *op) written() written {
	is := written{kind: o.kind, removed: o.removed, err: o.err}
	if o.bulk != nil {
		is.docs = o.bulk.docs
	}
	return is
}

// Set writes to the document at a path as a client's set does, with its options:
// inbound layers, checks, store, publication. It returns when the store has
// answered, so that the write is as durable as the store makes it; publications
// go out later, from another goroutine, in the order of the agent's writes. What
// is not stored (noStore) is not waited for. Layers are given ctx, those of the
// publication without its end. When ctx ends before the store has answered, the
// write may be made or not.
func (a *Agent) Set(ctx context.Context, path, data, options []byte) error {
	_, err := a.write(ctx, &abi.Record{Action: abi.ActionSet, Path: path, Data: data, Options: options}, true)
	return err
}

// StartSet is Set, but for the waiting: it returns once the store has the write.
// A store that fails later is logged.
func (a *Agent) StartSet(ctx context.Context, path, data, options []byte) error {
	_, err := a.write(ctx, &abi.Record{Action: abi.ActionSet, Path: path, Data: data, Options: options}, false)
	return err
}

// Remove removes the documents that a path or pattern covers and the agent may
// remove, and returns how many. It waits as Set does.
func (a *Agent) Remove(ctx context.Context, path, options []byte) (removed int, err error) {
	return a.write(ctx, &abi.Record{Action: abi.ActionRemove, Path: path, Options: options}, true)
}

// StartRemove is to Remove what StartSet is to Set.
func (a *Agent) StartRemove(ctx context.Context, path, options []byte) error {
	_, err := a.write(ctx, &abi.Record{Action: abi.ActionRemove, Path: path, Options: options}, false)
	return err
}

func (a *Agent) write(ctx context.Context, rec *abi.Record, wait bool) (removed int, err error) {
	peer := a.peer
	if peer.lane.pending.Load() >= maxUnfinished {
		return 0, &failure{ErrLimit, fmt.Errorf("%d writes of %s are not finished yet: write less, or wait between them", maxUnfinished, a.Name)}
	}
	a.calls++
	rec.EventID = a.calls
	w, err := a.begin(ctx, rec)
	if err != nil {
		return 0, err
	}
	defer a.pipeline.release(w)
	if layers := a.pipeline.Layers.Inbound(); len(layers) > 0 && !peer.inbound(w, layers) {
		return 0, rejectedBy(w)
	}
	if wait {
		w.wait = a.answers
	}
	if peer.act(w); w.reply.Error != nil {
		return 0, refusedAs(w.reply.Error)
	}
	if !wait {
		return 0, nil
	}
	return a.answer(ctx, w)
}

// rejectedBy returns why a layer has not let the request in w through.
func rejectedBy(w *worker) error {
	if w.reply.Error == nil {
		return &failure{ErrRejected, errors.New("dropped by a layer")}
	}
	return &failure{ErrRejected, w.reply.Error}
}

// answer waits for the store.
func (a *Agent) answer(ctx context.Context, w *worker) (removed int, err error) {
	var is written
	select {
	case is = <-a.answers: // also if ctx has ended meanwhile
	default:
		select {
		case is = <-a.answers:
		case <-ctx.Done():
			a.answers = make(chan written, 1) // the answer comes to the old one
			return 0, &failure{ErrStore, fmt.Errorf("the data store has not answered in time: %w", ctx.Err())}
		}
	}
	if is.err == nil {
		a.pipeline.tellChanged(is.kind, w.request.Path, is.removed, is.docs)
	}
	return is.removed, storeFailure(is.err)
}

// lost is told of a write that the store has refused.
func (a *Agent) lost(o *op) {
	if o.wait == nil {
		a.pipeline.Logger.Warn("a write was lost that nobody waits for", "of", a.Name, "path", string(o.request.Path), "error", o.err)
	}
}

// context returns what layers are given.
func (w *worker) context() context.Context {
	if w.ctx == nil {
		return context.Background()
	}
	return w.ctx
}

// asking returns the context of a write in the store: that of who waits for it.
func (w *worker) asking() context.Context {
	if w.wait == nil {
		return context.Background()
	}
	return w.context()
}

// context returns what the layers of the op's answer and publications are given.
func (o *op) context() context.Context {
	if o.ctx == nil {
		return context.Background()
	}
	return o.ctx
}

// lasting returns a context for what happens after the call that brought it.
func lasting(ctx context.Context) context.Context {
	if ctx == nil || ctx.Done() == nil {
		return ctx
	}
	return context.WithoutCancel(ctx)
}

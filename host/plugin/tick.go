package plugin

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/answer"
	"github.com/happn-host/happn-host/host/plugin/hook"
)

// ticks calls plugins at their times. A tick that is due while the one before it
// has not ended is left out.
type ticks struct {
	log *slog.Logger

	mu      sync.Mutex
	running map[*plugin]*ticker
}

type ticker struct {
	when *hook.Tick
	stop context.CancelFunc
	done sync.WaitGroup
}

// follow brings the schedules in line with the plugins that run. One that stays
// the same goes on.
func (t *ticks) follow(bindings func() []*binding) {
	t.mu.Lock()
	defer t.mu.Unlock()
	wanted := map[*plugin]bool{}
	for _, b := range bindings() { // of now: others may have followed what came later
		h := b.hook()
		if h == nil {
			continue
		}
		wanted[b.plugin] = true
		if before := t.running[b.plugin]; before != nil {
			if before.when.Same(h.hook.Tick) {
				continue
			}
			before.end()
		}
		t.running[b.plugin] = t.start(b, h.hook.Tick)
	}
	for p, r := range t.running {
		if !wanted[p] {
			r.end()
			delete(t.running, p)
		}
	}
}

// close ends all schedules and waits for the calls in progress.
func (t *ticks) close() { t.follow(func() []*binding { return nil }) }

func (r *ticker) end() {
	r.stop()
	r.done.Wait()
}

func (t *ticks) start(b *binding, when *hook.Tick) *ticker {
	ctx, stop := context.WithCancel(context.Background())
	r := &ticker{when: when, stop: stop}
	r.done.Go(func() {
		due := when.Next(time.Now())
		timer := time.NewTimer(time.Until(due))
		defer timer.Stop()
		for !due.IsZero() { // a schedule that never comes has no next time
			select {
			case <-ctx.Done():
				return
			case now := <-timer.C:
				t.tick(b, now)
			}
			if due = when.Next(due); due.Before(time.Now()) {
				due = when.Next(time.Now())
			}
			timer.Reset(time.Until(due))
		}
		<-ctx.Done()
	})
	return r
}

func (t *ticks) tick(b *binding, now time.Time) {
	ctx, span := b.begin("tick")
	defer span.End()
	verdict, output, err := b.call(ctx, &abi.Record{EventID: uint64(now.UnixMilli())})
	if err == nil && verdict == abi.VerdictError {
		err = errors.New("hook failed: " + answer.ErrorText(output))
		b.failed(nil, verdict, err)
	}
	if err != nil && !errors.Is(err, errOpen) && !errors.Is(err, errGone) {
		t.log.Warn("a plugin's tick failed", "plugin", b.name, "error", err)
	}
}

package plugin

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/object"
)

// minEvery is the shortest time between two ticks.
const minEvery = 100 * time.Millisecond

// TickHook says when a plugin is called.
type TickHook struct {
	// Every is the time between calls. Zero if Cron says when.
	Every time.Duration
	// Cron is a schedule of five fields, "CRON_TZ=Europe/Berlin 0 6 * * *" with a
	// time zone before them if it is not that of the host.
	Cron string

	schedule cron.Schedule
}

func readTick(t *object.Reader) *TickHook {
	h := &TickHook{}
	t.Duration("every", 366*24*time.Hour, &h.Every)
	t.Text("cron", &h.Cron)
	switch {
	case h.Every != 0 && h.Every < minEvery:
		t.Fail("every", "%s is too often; at least %s has to lie between two ticks", h.Every, minEvery)
	case h.Every != 0 && h.Cron != "":
		t.Fail("cron", "stands beside every; give one of them")
	case h.Cron != "":
		schedule, err := cron.ParseStandard(h.Cron)
		if err != nil {
			t.Fail("cron", "%q: %s", h.Cron, err)
		}
		h.schedule = schedule
	}
	return h
}

// with returns h with what the operator says.
func (h *TickHook) with(o *TickHook) *TickHook {
	if h == nil || o == nil || o.Every == 0 && o.Cron == "" {
		return h
	}
	return o
}

// next returns when the tick after a time is due.
func (h *TickHook) next(after time.Time) time.Time {
	if h.schedule != nil {
		return h.schedule.Next(after)
	}
	return after.Add(h.Every)
}

// same reports whether two schedules are the same.
func (h *TickHook) same(o *TickHook) bool { return h.Every == o.Every && h.Cron == o.Cron }

// ticks calls plugins at their times. A tick that is due while the one before it
// has not ended is left out.
type ticks struct {
	log *slog.Logger

	mu      sync.Mutex
	running map[*plugin]*ticker
}

type ticker struct {
	when *TickHook
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
			if before.when.same(h.hook.Tick) {
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

func (t *ticks) start(b *binding, when *TickHook) *ticker {
	ctx, stop := context.WithCancel(context.Background())
	r := &ticker{when: when, stop: stop}
	r.done.Go(func() {
		due := when.next(time.Now())
		timer := time.NewTimer(time.Until(due))
		defer timer.Stop()
		for !due.IsZero() { // a schedule that never comes has no next time
			select {
			case <-ctx.Done():
				return
			case now := <-timer.C:
				t.tick(b, now)
			}
			if due = when.next(due); due.Before(time.Now()) {
				due = when.next(time.Now())
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
		err = errors.New("hook failed: " + errorText(output))
		b.failed(nil, verdict, err)
	}
	if err != nil && !errors.Is(err, errOpen) && !errors.Is(err, errGone) {
		t.log.Warn("a plugin's tick failed", "plugin", b.name, "error", err)
	}
}

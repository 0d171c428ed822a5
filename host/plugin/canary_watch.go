package plugin

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/hook"
)

const (
	// canaryLook is how often it is looked at how a canary does.
	canaryLook = 250 * time.Millisecond
	// canaryRetry is when a promotion that failed is tried again.
	canaryRetry = time.Minute
)

// watch looks after a canary until ctx ends, or unwatch is called.
func (t *canary) watch(ctx context.Context) {
	ctx, t.stop = context.WithCancel(ctx)
	t.watching.Go(func() {
		ticker := time.NewTicker(canaryLook)
		defer ticker.Stop()
		notBefore := time.Time{} // of a promotion
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			w := t.judge(time.Now())
			if w == nil || w.promote && time.Now().Before(notBefore) {
				continue
			}
			t.plugin.manager.wish(t.plugin, w)
			select {
			case <-ctx.Done():
				return
			case <-w.done: // it was not fulfilled, or ctx would have ended
				notBefore = time.Now().Add(canaryRetry)
			}
		}
	})
}

// unwatch ends watch.
func (t *canary) unwatch() {
	t.stop()
	t.watching.Wait()
}

// judge says what is to become of the canary, nil for nothing yet.
func (t *canary) judge(now time.Time) *wish {
	g := t.gen
	if g.breaker.open.Load() {
		why := fmt.Sprintf("it failed %d times within %s (canary.maxFaults)", t.rules.MaxFaults, g.plugin.manager.options.Breaker.Window)
		if e := g.lastError.Load(); e != nil {
			line, _, _ := strings.Cut(*e, "\n") // without its stack
			why += ": " + line
		}
		return newWish(t, false, why)
	}
	least := uint64(t.rules.MinCalls)
	mine := t.gen.tally()
	a, b := mine.answers(), t.baseline(least)
	if a.calls < least {
		return nil
	}
	if why := worse(a.calls, a.failed, b.calls, b.failed, t.rules.MaxErrors); why != "" {
		return newWish(t, false, "it failed on "+why+" (canary.maxErrors)")
	}
	if why := worse(a.calls, a.refused, b.calls, b.refused, t.rules.MaxRefusals); why != "" && b.calls >= least {
		return newWish(t, false, "it refused "+why+" (canary.maxRefusals)")
	}
	quiet := t.since
	if last := g.breaker.last(); last.After(quiet) {
		quiet = last
	}
	if t.rules.PromoteAfter > 0 && now.Sub(quiet) >= t.rules.PromoteAfter {
		return newWish(t, true, fmt.Sprintf("%d calls in %s without trouble (canary.promoteAfter)", a.calls, now.Sub(t.since).Round(time.Second)))
	}
	return nil
}

// baseline returns what the canary is compared with: what the plugin's own version
// answered in the same time or, if that is less than so many calls, ever.
func (t *canary) baseline(least uint64) answers {
	ever := t.against.tally()
	now := ever
	now.hooks = ever.hooks.copy()
	now.subtract(&t.before.Counts)
	now.hooks.subtract(&t.before.hooks)
	if a := now.answers(); a.calls >= least {
		return a
	}
	return ever.answers()
}

// answers are the calls for sessions by how they ended.
type answers struct{ calls, failed, refused uint64 }

// answers sums up the hooks that a canary shares with the plugin's own version.
func (t *tally) answers() (a answers) {
	for place := range t.hooks {
		if !hook.RulesAt(place).Sessions && place != hook.PlaceProtocol {
			continue
		}
		h := &t.hooks[place]
		a.calls += h.Calls
		a.failed += h.Traps + h.Verdicts[abi.VerdictError]
		a.refused += h.Verdicts[abi.VerdictReject] + h.Verdicts[abi.VerdictDrop] + h.Verdicts[abi.VerdictClose]
	}
	of := t.hooks.counts()
	take(&t.Errors, of.Errors)
	a.failed += t.Errors + t.Skipped // outputs that were no answers, and messages for which no instance was to be had
	a.calls += t.Skipped
	return a
}

// worse says by which figures a canary does worse than the plugin's own version,
// "" if it does not, or by no more than so many percentage points.
func worse(calls, bad, theirCalls, theirBad uint64, points int) string {
	mine, theirs := percent(bad, calls), percent(theirBad, theirCalls)
	if points >= 100 || mine-theirs <= float64(points) {
		return ""
	}
	return fmt.Sprintf("%d of %d calls, %.1f %%, and the version that runs on %.1f %% of %d", bad, calls, mine, theirs, theirCalls)
}

func percent(part, of uint64) float64 {
	if of == 0 {
		return 0
	}
	return 100 * float64(part) / float64(of)
}

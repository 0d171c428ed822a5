package plugin

import (
	"context"
	"errors"
	"hash/fnv"
	"sync"
	"time"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/answer"
	"github.com/happn-host/happn-host/host/plugin/hook"
	"github.com/happn-host/happn-host/host/plugin/manifest"
)

// canary is a candidate of a plugin's next version, and what became of it.
type canary struct {
	plugin *plugin
	rules  manifest.Canary

	salt  uint64 // hash of the plugin's name
	below uint64 // sessions whose hash is below see the candidate

	// Of one that runs, or ran.
	gen      *generation
	since    time.Time
	against  *generation // what it is compared with
	before   tally       // of that, when the canary began
	stop     context.CancelFunc
	watching sync.WaitGroup

	// plugin.mu guards these.
	shown  *candidate
	state  State
	reason string
	counts Counts // once it has ended, as the next
	hooks  hookSums
	done   bool // counts and hooks are the last ones
}

func newCanary(p *plugin, c *candidate) *canary {
	t := &canary{plugin: p, rules: c.manifest.Canary, shown: c, state: StateLoading}
	h := fnv.New64a()
	_, _ = h.Write(append([]byte(c.manifest.Name), 0)) // never fails
	t.salt, t.below = h.Sum64(), uint64(t.rules.Share)<<32/100
	return t
}

// takes reports whether a session sees the candidate. It is the same for as long
// as the session lives: a greater share takes further sessions, a smaller one
// gives some back.
func (t *canary) takes(session []byte) bool {
	if len(session) == 0 {
		return false
	}
	h := t.salt
	for _, b := range session { // FNV-1a
		h = (h ^ uint64(b)) * 1099511628211
	}
	// Its upper bits hardly depend on the last bytes; spread them.
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return (h^h>>33)>>32 < t.below
}

// sees reports whether a session sees the candidate now: one that keeps failing
// is seen by nobody, also before it is rolled back.
func (t *canary) sees(session []byte) bool {
	return t.takes(session) && !t.gen.breaker.open.Load()
}

// ask shows rec to the candidate if its session sees it. answered is false when
// the version that runs is to be asked: also when the candidate failed and has
// done nothing in the host by then, so that its faults cost nobody an answer.
func (t *canary) ask(before *chain, place int, rec *abi.Record) (verdict abi.Verdict, output []byte, answered bool, err error) {
	g := t.gen
	h := g.hooks[place]
	if h == nil || !hook.RulesAt(place).Sessions || !t.sees(rec.SessionID) {
		return 0, nil, false, nil
	}
	if before != nil && before.depth >= maxDepth {
		return 0, nil, false, nil
	}
	s, err := g.pool.acquire(home(rec))
	if err != nil {
		if errors.Is(err, errBusy) {
			g.skip(err)
		}
		return 0, nil, false, nil
	}
	began, called := s.counts[place].begin(), s.inst.called()
	verdict, output, err = s.inst.call(before, h, rec)
	idle := s.inst.called() == called
	verdict, output, err = g.conclude(s, place, began, rec, verdict, output, err)
	if failed := err != nil || verdict == abi.VerdictError; failed && idle && g != t.plugin.gen.Load() {
		if err == nil {
			g.note(errors.New("hook failed: " + answer.ErrorText(output)))
		}
		return 0, nil, false, nil
	}
	return verdict, output, true, err
}

// seenBy returns the generation that a session sees, nil if none runs.
func (p *plugin) seenBy(session []byte) *generation {
	if t := p.canary.Load(); t != nil && t.sees(session) {
		return t.gen
	}
	return p.gen.Load()
}

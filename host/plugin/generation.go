package plugin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/answer"
	"github.com/happn-host/happn-host/host/plugin/hook"
	"github.com/happn-host/happn-host/host/plugin/limit"
	"github.com/happn-host/happn-host/host/plugin/manifest"
	"github.com/happn-host/happn-host/host/plugin/metric"
	"github.com/happn-host/happn-host/host/plugin/secret"
	"github.com/happn-host/happn-host/internal/seldom"
)

// pagesPerMiB is how many pages of linear memory a MiB holds.
const pagesPerMiB = 16

// boundHook is a hook as the message path needs it.
type boundHook struct {
	place   int  // of its kind
	passes  bool // it may give PASS
	filter  filter
	lazy    bool
	onError hook.OnError
	each    bool // shown once for each recipient
	order   int
	hook    *hook.Hook // as in the manifest
}

// generation is one version of one plugin, running. It ends when another
// version takes its place.
type generation struct {
	manifest *manifest.Manifest
	config   []byte
	features []byte // what import features gives
	sum      string
	log      *slog.Logger
	guestLog *guestLog
	secrets  secret.Secrets // of config
	services Services       // nil if the host has none for plugins

	reads func(path []byte) bool // which documents it may see in searches; nil is none

	defined *metric.Set // by its guests
	refused *limit.Refusals
	faults  seldom.Lines // of the host, when guests call it

	engine    engine
	unmetered bool // only its clock ends its calls; set before the engine is there
	plugin    *plugin
	pool      *pool
	breaker   *breakerState
	hooks     [hook.Places]*boundHook // by the place of their kind, nil for those it has not

	lastError atomic.Pointer[string]
	skipped   atomic.Uint64 // messages that on_error decided without a call
	invalid   atomic.Uint64 // outputs that were no valid record or JSON
	hostCalls atomic.Uint64

	events []*subscriber // one for each instance, if each hears of all events

	leaving bool // takes no more connections; of protocols

	canary atomic.Pointer[canary] // as which it runs, nil for the plugin's own version
	before tally                  // of a canary that was promoted, until then; plugin.mu guards it

	broken chan *slot // to the keeper; has room for every slot
	stop   context.CancelFunc
	kept   sync.WaitGroup
}

// newGeneration compiles a module that was found acceptable and warms all of
// its instances.
func newGeneration(ctx context.Context, p *plugin, c *candidate, o *Options, cache wazero.CompilationCache, log *slog.Logger) (*generation, error) {
	m := c.manifest
	g := &generation{
		plugin: p, manifest: m, sum: c.sum, log: log, secrets: c.secrets, services: o.Services,
		config: m.Config, breaker: newBreaker(o.Breaker), broken: make(chan *slot, m.Limits.Instances),
	}
	g.canary.Store(c.canary)
	if g.defined, g.refused = p.metrics, p.refused; c.canary != nil {
		g.defined, g.refused = &metric.Set{}, &limit.Refusals{}
	}
	g.guestLog = newGuestLog(g)
	if g.config == nil {
		g.config = []byte("{}")
	}
	g.bind()
	var err error
	if g.features, err = featuresText(m); err != nil {
		return nil, err
	}
	if err := g.learn(); err != nil {
		return nil, err
	}
	if err := g.compile(ctx, c, cache); err != nil {
		return nil, err
	}
	if err := g.hearEach(); err != nil {
		g.engine.close()
		return nil, err
	}
	if err := g.warm(ctx); err != nil {
		g.deafen()
		g.engine.close()
		return nil, err
	}
	g.listenEach()
	keeping, stop := context.WithCancel(context.Background())
	g.stop = stop
	g.kept.Go(func() { g.keep(keeping) })
	return g, nil
}

// learn finds out which documents a plugin with a search hook may see.
func (g *generation) learn() (err error) {
	if g.hooks[hook.PlaceSearch] != nil && g.services != nil {
		g.reads, err = g.services.Reads(g.manifest.Permissions)
	}
	return err
}

// bind prepares the hooks for the message path.
func (g *generation) bind() {
	for i := range g.manifest.Hooks {
		h := &g.manifest.Hooks[i]
		place := h.Kind.Place()
		g.hooks[place] = &boundHook{
			passes: hook.RulesAt(place).Gives.Has(abi.VerdictPass),
			place:  place, filter: newFilter(h), lazy: h.Data == hook.DataLazy,
			onError: h.OnError, each: h.Scope != hook.ScopePublication, order: h.Order, hook: h,
		}
	}
}

// hearEach subscribes for every instance that hears of all events, before any of
// them starts: what it reads then is at least as old as what it hears.
func (g *generation) hearEach() error {
	h := g.hooks[hook.PlaceEvent]
	if h == nil || !h.hook.Event.Each || g.services == nil {
		return nil
	}
	for range g.manifest.Limits.Instances {
		s, err := subscribe(g.services, g, h.hook.Event.Channels())
		if err != nil {
			g.deafen()
			return err
		}
		g.events = append(g.events, s)
	}
	return nil
}

// listenEach begins to deliver what hearEach has subscribed to.
func (g *generation) listenEach() {
	for i, s := range g.events {
		slot := &g.pool.slots[i]
		s.start(func(rec *abi.Record) error {
			held, err := g.pool.acquireSlot(slot)
			if err == nil {
				_, _, err = g.runIn(held, nil, g.hooks[hook.PlaceEvent], rec)
			}
			return err
		})
	}
}

// deafen ends what hearEach began.
func (g *generation) deafen() {
	for _, s := range g.events {
		s.close()
	}
	g.events = nil
}

// warm starts all instances.
func (g *generation) warm(ctx context.Context) error {
	guests := make([]guest, 0, g.manifest.Limits.Instances)
	for range g.manifest.Limits.Instances {
		err := ctx.Err()
		if err != nil {
			err = fmt.Errorf("stopped while starting instances: %w", err)
		}
		var i guest
		if err == nil {
			i, err = g.engine.guest()
		}
		if err != nil {
			for _, i := range guests {
				i.close()
			}
			return err
		}
		guests = append(guests, i)
	}
	g.pool = newPool(guests, &g.hooks, &g.manifest.Limits, g.crowded)
	return nil
}

// run shows rec to a hook on some instance.
func (g *generation) run(from *chain, h *boundHook, rec *abi.Record) (abi.Verdict, []byte, error) {
	s, err := g.pool.acquire(home(rec))
	if err != nil {
		return 0, nil, err
	}
	return g.runIn(s, from, h, rec)
}

// runIn shows rec to a hook on the instance in s, which the caller holds, and
// gives s back.
func (g *generation) runIn(s *slot, from *chain, h *boundHook, rec *abi.Record) (abi.Verdict, []byte, error) {
	began := s.counts[h.place].begin()
	verdict, output, err := s.inst.call(from, h, rec)
	if verdict == abi.VerdictPass && err == nil && output == nil && began.IsZero() && h.passes { // nearly always
		g.pool.release(s)
		return verdict, nil, nil
	}
	return g.conclude(s, h.place, began, rec, verdict, output, err)
}

// conclude counts how a call of a hook on the instance in s went, and gives s
// back.
func (g *generation) conclude(s *slot, place int, began time.Time, rec *abi.Record, verdict abi.Verdict, output []byte, err error) (abi.Verdict, []byte, error) {
	if err == nil {
		err = answer.Check(place, verdict)
	}
	s.counts[place].end(began, rec, verdict, output, err)
	if verdict == abi.VerdictError && g.secrets.Any() {
		output = []byte(g.secrets.Hide(string(output))) // it is for the operator's log
	}
	if err != nil {
		err = g.secrets.HideError(err)
		g.fail(s, err)
		return 0, nil, err
	}
	if !began.IsZero() {
		s.memory.Store(s.inst.memory())
	}
	g.pool.release(s)
	return verdict, output, nil
}

// fail takes the instance in s out of service; the keeper replaces it.
func (g *generation) fail(s *slot, err error) {
	g.refused.Count(err)
	g.note(err)
	g.trip(err)
	gone := s.inst
	g.pool.breakSlot(s)
	g.broken <- s // never blocks: it has room for every slot
	if g.hooks[hook.PlaceProtocol] != nil {
		g.plugin.manager.protocols.lost(g, gone, err)
	}
}

// note keeps an error for Info, in one line, and for those who read what happened
// to the plugin, with the trace of its calls.
func (g *generation) note(err error) {
	text := err.Error()
	line := inOneLine(text)
	g.lastError.Store(&line)
	what := "failed: "
	if g.canary.Load() != nil {
		what = "canary failed: "
	}
	g.plugin.journal.Add(slog.LevelError, "", what+text)
}

// inOneLine leaves out what engines add to an error: where in the guest it was.
func inOneLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// skip counts a message for which no instance was to be had.
func (g *generation) skip(err error) {
	g.skipped.Add(1)
	g.tell(err)
}

// tell tells the operator of what a guest was refused, and goes on after.
func (g *generation) tell(err error) { g.refused.Tell(g.log, err) }

func (g *generation) trip(err error) {
	if opened, pause := g.breaker.fault(time.Now()); opened {
		g.log.Error("plugin fails again and again and is left alone for a while", "pause", pause, "error", err)
	}
}

// keep replaces broken instances until ctx ends.
func (g *generation) keep(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-g.broken:
			if !g.rest(ctx) {
				return
			}
			g.replace(s)
		}
	}
}

// rest waits while the breaker is open. It reports false when ctx has ended.
func (g *generation) rest(ctx context.Context) bool {
	pause := g.breaker.remaining()
	if pause == 0 {
		return true
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		g.log.Info("plugin is tried again", "pause", pause)
		g.breaker.retry()
		return true
	}
}

// replace gives a broken slot a new instance, or puts it back into the queue.
func (g *generation) replace(s *slot) {
	if s.inst != nil {
		s.inst.close()
		s.inst = nil
	}
	i, err := g.engine.guest()
	if err != nil {
		g.refused.Count(err)
		g.note(err)
		g.trip(err)
		g.broken <- s
		return
	}
	s.inst = i
	g.pool.release(s)
}

// close waits for the calls in progress and frees everything.
func (g *generation) close() {
	g.deafen()
	g.stop()
	g.kept.Wait()
	g.pool.close()
	g.engine.close()
}

// sums adds up the counters of all slots. What is counted in a call that takes
// long is missed, and what was in the 63 before it.
func (g *generation) sums() (c Counts, hooks hookSums) {
	for i := range g.pool.slots {
		s := &g.pool.slots[i]
		g.pool.show(s)
		for place, counts := range s.counts {
			if counts != nil {
				hooks.add(place, counts)
			}
		}
	}
	c = hooks.counts()
	c.Skipped = g.skipped.Load()
	c.Errors += g.invalid.Load()
	c.HostCalls = g.hostCalls.Load()
	c.subtract(&g.before.Counts)
	hooks.subtract(&g.before.hooks)
	return c, hooks
}

// memory returns the bytes that all instances together have.
func (g *generation) memory() (n int64) {
	for i := range g.pool.slots {
		n += g.pool.slots[i].memory.Load()
	}
	return n
}

// home picks the slot that the messages of one session try first.
func home(rec *abi.Record) uint32 {
	id := rec.SessionID
	if len(id) < 4 {
		return uint32(rec.EventID)
	}
	id = id[len(id)-4:]
	return uint32(id[0]) ^ uint32(id[1])<<3 ^ uint32(id[2])<<6 ^ uint32(id[3])<<9
}

// fingerprint names a module by its content.
func fingerprint(module []byte) string {
	sum := sha256.Sum256(module)
	return hex.EncodeToString(sum[:])
}

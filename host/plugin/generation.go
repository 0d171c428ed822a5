package plugin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/meter"
)

// pagesPerMiB is how many pages of linear memory a MiB holds.
const pagesPerMiB = 16

// boundHook is a hook as the message path needs it.
type boundHook struct {
	kind    HookKind
	filter  filter
	lazy    bool
	onError OnError
	each    bool // shown once for each recipient
	order   int
}

// generation is one version of one plugin, running. It ends when another
// version takes its place.
type generation struct {
	manifest *Manifest
	config   []byte
	sum      string
	log      *slog.Logger
	guestLog *guestLog

	runtime  wazero.Runtime
	compiled wazero.CompiledModule
	pool     *pool
	breaker  *breakerState
	inbound  *boundHook // nil when it has none
	outbound *boundHook

	lastError atomic.Pointer[string]
	skipped   atomic.Uint64 // messages that on_error decided without a call
	invalid   atomic.Uint64 // outputs that were no valid record or JSON

	broken chan *slot // to the keeper; has room for every slot
	stop   context.CancelFunc
	kept   sync.WaitGroup
}

// newGeneration compiles a module that was found acceptable and warms all of
// its instances.
func newGeneration(ctx context.Context, c *candidate, cache wazero.CompilationCache, rules Breaker, log *slog.Logger) (*generation, error) {
	m := c.manifest
	g := &generation{
		manifest: m, sum: c.sum, log: log, guestLog: newGuestLog(log),
		config: m.Config, breaker: newBreaker(rules), broken: make(chan *slot, m.Limits.Instances),
	}
	if g.config == nil {
		g.config = []byte("{}")
	}
	g.bind()
	code, err := meter.Inject(c.module)
	if err != nil {
		return nil, err
	}
	g.runtime = wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().
		WithCompilationCache(cache).
		WithMemoryLimitPages(uint32(m.Limits.MemoryMiB*pagesPerMiB)).
		WithDebugInfoEnabled(false))
	if err := g.warm(ctx, code); err != nil {
		_ = g.runtime.Close(context.Background())
		return nil, err
	}
	keeping, stop := context.WithCancel(context.Background())
	g.stop = stop
	g.kept.Go(func() { g.keep(keeping) })
	return g, nil
}

// bind prepares the hooks for the message path.
func (g *generation) bind() {
	for i := range g.manifest.Hooks {
		h := &g.manifest.Hooks[i]
		pick(&h.OnError, g.manifest.OnError)
		b := &boundHook{
			kind: h.Kind, filter: newFilter(h), lazy: h.Data == DataLazy,
			onError: h.OnError, each: h.Scope != ScopePublication, order: h.Order,
		}
		if h.Kind == HookInbound {
			g.inbound = b
		} else {
			g.outbound = b
		}
	}
}

func (g *generation) warm(ctx context.Context, code []byte) error {
	if err := instantiateHost(ctx, g.runtime); err != nil {
		return err
	}
	if err := instantiateMeter(ctx, g.runtime); err != nil {
		return err
	}
	if err := instantiateWASI(ctx, g.runtime); err != nil {
		return err
	}
	compiled, err := g.runtime.CompileModule(experimental.WithCompilationWorkers(ctx, runtime.GOMAXPROCS(0)), code)
	if err != nil {
		return fmt.Errorf("compile: %w", err)
	}
	g.compiled = compiled
	instances := make([]*instance, 0, g.manifest.Limits.Instances)
	for range g.manifest.Limits.Instances {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("stopped while starting instances: %w", err)
		}
		i, err := newInstance(g)
		if err != nil {
			return err // closing the runtime closes the others
		}
		instances = append(instances, i)
	}
	g.pool = newPool(instances, g.manifest.Limits.Wait, g.manifest.Limits.Waiting)
	return nil
}

// hook returns the hook of this kind, or nil.
func (g *generation) hook(kind HookKind) *boundHook {
	if kind == HookInbound {
		return g.inbound
	}
	return g.outbound
}

// run shows rec to a hook on some instance.
func (g *generation) run(h *boundHook, rec *abi.Record) (abi.Verdict, []byte, error) {
	s, err := g.pool.acquire(home(rec))
	if err != nil {
		return 0, nil, err
	}
	s.counts.calls.Add(1)
	verdict, output, err := s.inst.hook(h, rec)
	if err == nil {
		err = checkVerdict(verdict)
	}
	if err != nil {
		s.counts.faults.Add(1)
		g.fail(s, err)
		return 0, nil, err
	}
	if verdict == abi.VerdictError {
		s.counts.errors.Add(1)
	}
	g.pool.release(s)
	return verdict, output, nil
}

// fail takes the instance in s out of service; the keeper replaces it.
func (g *generation) fail(s *slot, err error) {
	g.note(err)
	g.trip(err)
	g.pool.breakSlot(s)
	g.broken <- s // never blocks: it has room for every slot
}

// note keeps an error for Info.
func (g *generation) note(err error) {
	text := err.Error()
	g.lastError.Store(&text)
}

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
	i, err := newInstance(g)
	if err != nil {
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
	g.stop()
	g.kept.Wait()
	g.pool.close()
	_ = g.runtime.Close(context.Background())
}

func (g *generation) counts() (c Counts) {
	for i := range g.pool.slots {
		n := &g.pool.slots[i].counts
		c.Calls += n.calls.Load()
		c.Errors += n.errors.Load()
		c.Traps += n.faults.Load()
	}
	c.Skipped = g.skipped.Load()
	c.Errors += g.invalid.Load()
	return c
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

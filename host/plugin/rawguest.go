package plugin

import (
	"context"
	"fmt"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/hook"
)

// firstBuffer is the size of a guest's input buffer before a message needs
// more, in bytes.
const firstBuffer = 4 << 10

// rawGuest is one running copy of a raw module.
type rawGuest struct {
	instance
	ctx    context.Context // carries the instance to host functions
	mod    api.Module
	budget memoryBudget

	buf   api.Function
	hooks [hook.Places]api.Function // by the place of their kind, nil for those it has not
	conns [connExports]api.Function // of kind protocol, nil if it has none

	stack   [2]uint64
	pointer uint32 // of the guest's input buffer
	size    int
}

// newRawGuest instantiates and initializes the module.
func newRawGuest(e *rawEngine) (*rawGuest, error) {
	i := &rawGuest{instance: instance{gen: e.gen}, budget: newMemoryBudget(e.gen)}
	i.starts()
	i.ctx = &instanceContext{Context: context.Background(), instance: &i.instance}
	starting, cancel := i.clocked(experimental.WithMemoryAllocator(i.ctx, &i.budget))
	defer cancel()
	mod, err := e.runtime.InstantiateModule(starting, e.compiled, moduleConfig(&i.instance))
	i.rest()
	if err != nil {
		i.close()
		return nil, fmt.Errorf("start: %w", i.explain(err))
	}
	i.mod = mod
	if err := i.start(); err != nil {
		i.close()
		return nil, err
	}
	i.host.reset(&i.gen.hostCalls)
	i.serves()
	return i, nil
}

func (i *rawGuest) start() error {
	i.mem = i.mod.ExportedMemory(abi.ExportMemory)
	if f := i.mod.ExportedFunction(abi.ExportInitialize); f != nil {
		if err := i.prepare(f); err != nil {
			return fmt.Errorf("%s: %w", abi.ExportInitialize, err)
		}
	}
	i.buf = i.mod.ExportedFunction(abi.ExportBuf)
	for place, h := range i.gen.hooks {
		if h != nil {
			i.hooks[place] = i.mod.ExportedFunction(hook.RulesAt(place).Exports[0])
		}
	}
	if i.gen.hooks[hook.PlaceProtocol] != nil {
		for n, export := range hook.RulesAt(hook.PlaceProtocol).Exports {
			i.conns[n] = i.mod.ExportedFunction(export)
		}
	}
	if err := i.reserve(max(firstBuffer, len(i.gen.config))); err != nil {
		return err
	}
	return i.configure()
}

func (i *rawGuest) configure() error {
	f := i.mod.ExportedFunction(abi.ExportInit)
	if f == nil {
		return nil
	}
	if !i.mem.Write(i.pointer, i.gen.config) {
		return errBufBounds
	}
	if err := i.prepare(f, uint64(len(i.gen.config))); err != nil {
		return fmt.Errorf("%s: %w", abi.ExportInit, err)
	}
	if rc := int32(i.stack[0]); rc != 0 {
		return fmt.Errorf("%s refused the configuration with code %d; the plugin's own log lines say more", abi.ExportInit, rc)
	}
	return nil
}

// prepare runs f, which is no hook. Its result, if any, is in i.stack[0].
func (i *rawGuest) prepare(f api.Function, args ...uint64) error {
	i.begin()
	copy(i.stack[:], args)
	err := i.run(f)
	if err != nil {
		return i.explain(err)
	}
	return nil
}

// run calls a function with what is in i.stack.
func (i *rawGuest) run(f api.Function) error {
	if i.gen.unmetered { // looked at here, too: messages should not pay for what few need
		ctx, cancel := i.clocked(i.ctx)
		defer cancel()
		return f.CallWithStack(ctx, i.stack[:])
	}
	err := f.CallWithStack(i.ctx, i.stack[:])
	i.rest()
	return err
}

// reserve makes the guest's input buffer at least size bytes long.
func (i *rawGuest) reserve(size int) error {
	if size <= i.size {
		return nil
	}
	want := max(firstBuffer, i.size)
	for want < size {
		want *= 2
	}
	if err := i.prepare(i.buf, uint64(want)); err != nil {
		return fmt.Errorf("%s: %w", abi.ExportBuf, err)
	}
	pointer := uint32(i.stack[0])
	if pointer == 0 {
		return errBufRefused
	}
	if _, ok := i.mem.Read(pointer, uint32(want)); !ok {
		return errBufBounds
	}
	i.pointer, i.size = pointer, want
	return nil
}

// call implements guest.
func (i *rawGuest) call(from *chain, h *boundHook, rec *abi.Record) (verdict abi.Verdict, output []byte, err error) {
	i.host.from = from
	argument := rec.EventID // the time, for a tick
	if h.place != hook.PlaceTick {
		size, err := i.show(h, rec)
		if err != nil {
			return 0, nil, err
		}
		argument = uint64(size)
	}
	verdict, output, err = i.invoke(i.hooks[h.place], argument, 0)
	if from != nil {
		from.pay(i.used())
	}
	if i.host.used {
		i.host.reset(&i.gen.hostCalls)
	}
	return verdict, output, err
}

// converse implements guest.
func (i *rawGuest) converse(export int, conn uint64, rec *abi.Record) (verdict abi.Verdict, output []byte, err error) {
	i.host.from = nil
	size, err := i.show(i.gen.hooks[hook.PlaceProtocol], rec)
	if err != nil {
		return 0, nil, err
	}
	verdict, output, err = i.invoke(i.conns[export], conn, uint64(size))
	if i.host.used {
		i.host.reset(&i.gen.hostCalls)
	}
	return verdict, output, err
}

// hangUp implements guest.
func (i *rawGuest) hangUp(conn uint64, reason abi.ConnReason) error {
	i.host.from = nil
	err := i.prepare(i.conns[connClose], conn, uint64(uint32(reason)))
	if i.host.used {
		i.host.reset(&i.gen.hostCalls)
	}
	return err
}

// is implements guest.
func (i *rawGuest) is(other *instance) bool { return &i.instance == other }

// show writes rec to the guest's input buffer and returns its length.
func (i *rawGuest) show(h *boundHook, rec *abi.Record) (size int, err error) {
	rec = i.shown(h, rec)
	for {
		view, ok := i.mem.Read(i.pointer, uint32(i.size))
		if !ok {
			return 0, errBufBounds
		}
		// Encode says itself whether the record fits: measuring it twice costs as
		// much as a small guest.
		if size, err = rec.Encode(view); err != abi.ErrShortBuffer {
			return size, err
		}
		if err := i.reserve(rec.Size()); err != nil {
			return 0, err
		}
	}
}

// invoke calls a hook's function, which takes one argument or two, and takes its
// result.
func (i *rawGuest) invoke(f api.Function, first, second uint64) (verdict abi.Verdict, output []byte, err error) {
	i.begin()
	i.stack[0], i.stack[1] = first, second
	err = i.run(f)
	if err != nil {
		return 0, nil, i.explain(err)
	}
	verdict, pointer, length := abi.Unpack(i.stack[0])
	if length == 0 {
		return verdict, nil, nil
	}
	return i.given(verdict, pointer, length)
}

// memory implements guest.
func (i *rawGuest) memory() int64 { return i.budget.used() }

// close implements guest.
func (i *rawGuest) close() {
	i.host.close(&i.gen.hostCalls)
	if i.mod != nil {
		_ = i.mod.Close(context.Background())
	}
	i.budget.close()
}

// instanceContext is a context that finds its instance without walking a chain
// of values: wazero looks up keys of its own on every call.
type instanceContext struct {
	context.Context
	instance *instance
}

// Value returns the instance for instanceKey.
func (c *instanceContext) Value(key any) any {
	if _, ok := key.(instanceKey); ok {
		return c.instance
	}
	return nil
}

package plugin

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/answer"
	"github.com/happn-host/happn-host/host/plugin/hook"
)

// call (record, len) -> length of the answer, which answer fetches. The record's
// path is the name of the service, its data are what the service is given.
func hostService(i *instance, stack []uint64) {
	var rec abi.Record
	ctx, _, err := i.enterWaiting()
	if err == nil {
		err = i.read(stack[0], stack[1], &rec)
	}
	var answer []byte
	if err == nil {
		answer, err = i.gen.callService(ctx, &rec)
	}
	if err != nil {
		stack[0] = i.fail(err)
		return
	}
	i.host.answer = answer
	stack[0] = uint64(len(answer))
}

// answer (dst, cap) -> needed length
func hostAnswer(i *instance, stack []uint64) {
	stack[0] = i.give(i.host.answer, stack)
}

// callService asks the plugin that offers a service.
func (g *generation) callService(ctx context.Context, rec *abi.Record) ([]byte, error) {
	name := string(rec.Path)
	if !slices.Contains(g.manifest.Calls, name) {
		return nil, fmt.Errorf("%w: the service %q is not among calls in the operator's file", ErrDenied, name)
	}
	b := g.plugin.manager.service(name)
	if b == nil {
		return nil, fmt.Errorf("%w: no plugin offers the service %q", abi.ErrnoNotFound, name)
	}
	h := b.hook()
	if h == nil {
		return nil, fmt.Errorf("%w: no plugin offers the service %q any more", abi.ErrnoNotFound, name)
	}
	if !h.hook.Service.Admits(g.manifest.Name) {
		return nil, fmt.Errorf("%w: plugin %s does not have %s among its callers in its operator's file", ErrDenied, b.name, g.manifest.Name)
	}
	if chainOf(ctx).has(b.plugin) {
		return nil, fmt.Errorf("%w: plugin %s is waiting for this very call", ErrRefused, b.name)
	}
	if rec.Data != nil {
		data := bytes.Clone(rec.Data) // the caller's memory must not be looked at while another guest runs
		if err := answer.CheckSection(abi.SectionData, &data); err != nil {
			return nil, fmt.Errorf("%w: data: %w", ErrInvalid, err)
		}
		rec.Data = data
	}
	return b.serve(ctx, g.manifest.Name, rec)
}

// serve calls a service and returns the data of its answer.
func (b *binding) serve(ctx context.Context, caller string, rec *abi.Record) ([]byte, error) {
	request := abi.Record{Kind: abi.KindCall, Path: bytes.Clone(rec.Path), Data: rec.Data, Username: []byte(caller)}
	verdict, output, err := b.call(ctx, &request)
	if err != nil {
		return nil, fmt.Errorf("%w: plugin %s: %w", ErrRefused, b.name, err)
	}
	data, err := answer.Service(verdict, output)
	switch {
	case err == nil:
		return data, nil
	case verdict == abi.VerdictReject:
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	b.failed(nil, verdict, err)
	return nil, fmt.Errorf("%w: plugin %s failed", ErrRefused, b.name)
}

// service returns the hook that offers a service, nil for none. Of several
// plugins the first in order has it.
func (m *Manager) service(name string) *binding {
	for _, b := range m.lists.Load().hooks[hook.PlaceService] {
		if h := b.hook(); h != nil && slices.Contains(h.hook.Service.Names, name) {
			return b
		}
	}
	return nil
}

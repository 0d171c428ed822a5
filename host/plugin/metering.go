package plugin

import (
	"context"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/happn-host/happn-host/host/plugin/limit"
	"github.com/happn-host/happn-host/host/plugin/meter"
)

// full tells the operator that a table of the guest's would grow further than it may.
func (i *instance) full() {
	times, due := i.gen.refused.Due(limit.TableElements)
	if !due {
		return
	}
	err := i.gen.manifest.Limits.Over(limit.TableElements, nil, "a table would grow")
	if i.gen.manifest.Limits.TableElements >= meter.MaxGrown {
		err = limit.TableElements.Wrap(fmt.Errorf("a table would grow to more than %d elements, above which %s allows no growing", meter.MaxGrown, limit.TableElements))
	}
	limit.TableElements.Tell(i.gen.log, err, times)
}

// instantiateMeter provides what metered code calls when its fuel is used up,
// when it recurses too deeply, while it does what takes long, and when a table cannot grow.
func instantiateMeter(ctx context.Context, rt wazero.Runtime) error {
	_, err := rt.NewHostModuleBuilder(meter.ImportModule).NewFunctionBuilder().
		WithGoFunction(api.GoFunc(func(ctx context.Context, stack []uint64) {
			stack[0] = uint64(ctx.Value(instanceKey{}).(*instance).yield())
		}), nil, []api.ValueType{api.ValueTypeI64}).Export(meter.ImportName).NewFunctionBuilder().
		WithGoFunction(api.GoFunc(func(ctx context.Context, _ []uint64) {
			ctx.Value(instanceKey{}).(*instance).end(errStack)
		}), nil, nil).Export(meter.ImportDeep).NewFunctionBuilder().
		WithGoFunction(api.GoFunc(func(ctx context.Context, _ []uint64) {
			ctx.Value(instanceKey{}).(*instance).pause()
		}), nil, nil).Export(meter.ImportPause).NewFunctionBuilder().
		WithGoFunction(api.GoFunc(func(ctx context.Context, _ []uint64) {
			ctx.Value(instanceKey{}).(*instance).full()
		}), nil, nil).Export(meter.ImportFull).Instantiate(ctx)
	return err
}

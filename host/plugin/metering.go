package plugin

import (
	"context"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/happn-host/happn-host/host/plugin/meter"
)

// bounds are what a module that is metered may have.
func (l *Limits) bounds() meter.Bounds {
	return meter.Bounds{Elements: l.TableElements, Stack: l.StackKiB << 10}
}

// instantiateMeter provides what metered code calls when its fuel is used up,
// when it recurses too deeply, and while it does what takes long.
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
		}), nil, nil).Export(meter.ImportPause).Instantiate(ctx)
	return err
}

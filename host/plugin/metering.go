package plugin

import (
	"context"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/happn-host/happn-host/host/plugin/meter"
)

// instantiateMeter provides what metered code calls when its fuel is used up.
func instantiateMeter(ctx context.Context, rt wazero.Runtime) error {
	_, err := rt.NewHostModuleBuilder(meter.ImportModule).NewFunctionBuilder().
		WithGoFunction(api.GoFunc(func(ctx context.Context, stack []uint64) {
			stack[0] = uint64(ctx.Value(instanceKey{}).(*instance).yield())
		}), nil, []api.ValueType{api.ValueTypeI64}).Export(meter.ImportName).Instantiate(ctx)
	return err
}

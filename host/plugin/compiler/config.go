package compiler

import (
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// Config is how engines are to be configured that are to find the machine code in cache.
// With watched it is code that looks at the context of the call at the heads of loops,
// and has what plugins may use only then: tail calls and exceptions.
func Config(cache wazero.CompilationCache, watched bool) wazero.RuntimeConfig {
	c := wazero.NewRuntimeConfig().WithCompilationCache(cache).WithDebugInfoEnabled(false)
	if watched {
		c = c.WithCloseOnContextDone(true).WithCoreFeatures(
			api.CoreFeaturesV2 | experimental.CoreFeaturesTailCall | experimental.CoreFeaturesExceptionHandling)
	}
	return c
}

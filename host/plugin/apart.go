package plugin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/happn-host/happn-host/host/plugin/compiler"
	"github.com/happn-host/happn-host/host/plugin/limit"
)

// smallModule is the size of modules that are compiled in the host's own process: made as
// badly as can be, one takes less time than another process does to begin.
const smallModule = 4 << 10

// compileApart makes machine code of a module in a process of its own, for the compile
// cache, unless it is small and metered, which is checked well enough not to surprise the
// compiler, or that process has had it before. The engine finds it there. code is what the engine compiles.
func (g *generation) compileApart(ctx context.Context, code []byte) error {
	o := &g.plugin.manager.options
	if len(o.Compiler) == 0 || len(code) <= smallModule && !g.unmetered {
		return nil
	}
	sum := sha256.Sum256(code)
	passed := filepath.Join(g.plugin.manager.cacheDir, "compiled-"+hex.EncodeToString(sum[:]))
	if _, err := os.Stat(passed); err == nil {
		return nil
	}
	limits := &g.manifest.Limits
	err := o.Compiler.Compile(ctx, compiler.Job{
		Module: code, Dir: g.plugin.manager.cacheDir, MemoryMiB: limits.CompileMiB, Processors: otherProcessors(), Watched: g.unmetered,
	})
	if errors.Is(err, compiler.ErrMemory) {
		return limits.Over(limit.CompileMiB, nil, "compiling the module needs more memory")
	}
	if err != nil {
		return fmt.Errorf("compile: %w", err)
	}
	return os.WriteFile(passed, nil, 0o600)
}

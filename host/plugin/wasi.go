package plugin

import (
	"context"
	"crypto/rand"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/happn-host/happn-host/abi"
)

const wasiModule = wasi_snapshot_preview1.ModuleName

// wasiFunctions are the WASI preview 1 functions that runtimes of guest
// languages import even when they do nothing. There is no file system, no
// network, no environment and no argument behind them; time and random bytes
// are real; standard output and error go to the log.
var wasiFunctions = []string{
	"args_get", "args_sizes_get", "environ_get", "environ_sizes_get",
	"clock_res_get", "clock_time_get", "random_get", "sched_yield", "poll_oneoff", "proc_exit",
	"fd_advise", "fd_allocate", "fd_close", "fd_datasync", "fd_fdstat_get", "fd_fdstat_set_flags",
	"fd_filestat_get", "fd_filestat_set_size", "fd_filestat_set_times", "fd_pread", "fd_prestat_dir_name",
	"fd_prestat_get", "fd_pwrite", "fd_read", "fd_readdir", "fd_renumber", "fd_seek", "fd_sync", "fd_tell", "fd_write",
	"path_create_directory", "path_filestat_get", "path_filestat_set_times", "path_link", "path_open",
	"path_readlink", "path_remove_directory", "path_rename", "path_symlink", "path_unlink_file",
}

func instantiateWASI(ctx context.Context, rt wazero.Runtime) error {
	_, err := wasi_snapshot_preview1.Instantiate(ctx, rt)
	return err
}

// moduleConfig is what one instance sees of the world. Sleeping returns at
// once: a plugin that waits burns its own time limit.
func moduleConfig(i *instance) wazero.ModuleConfig {
	return wazero.NewModuleConfig().
		WithName("").
		WithStartFunctions().
		WithSysWalltime().
		WithSysNanotime().
		WithRandSource(guestRandom{i}).
		WithStdout(&guestOutput{instance: i, level: abi.LogInfo}).
		WithStderr(&guestOutput{instance: i, level: abi.LogWarn})
}

// guestRandom gives random bytes in pieces, and looks at the time limit between
// them: a guest may ask for all of its memory at once.
type guestRandom struct{ instance *instance }

// Read never fails.
func (g guestRandom) Read(p []byte) (int, error) {
	g.instance.charge(fuelImport)
	return rand.Read(p[:min(len(p), maxRandom)])
}

package compiler_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"

	"github.com/happn-host/happn-host/host/plugin/compiler"
	"github.com/happn-host/happn-host/host/plugin/hostile"
)

// verb has the binary of the tests be the compiler.
const verb = "compile-plugin"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == verb {
		os.Exit(compiler.Main(os.Args[2:], os.Stdin, os.Stderr))
	}
	os.Exit(m.Run())
}

func itself(t *testing.T) compiler.Command {
	self, err := os.Executable()
	require.NoError(t, err)
	return compiler.Command{self, verb}
}

func TestTheMachineCodeIsWhereTheEngineLooks(t *testing.T) {
	job := compiler.Job{Module: hostile.Choking(10), Dir: t.TempDir(), MemoryMiB: 1024, Processors: 1}
	require.NoError(t, itself(t).Compile(t.Context(), job))
	made := files(t, job.Dir)
	require.Len(t, made, 1)

	cache, err := wazero.NewCompilationCacheWithDir(job.Dir)
	require.NoError(t, err)
	rt := wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfig().WithCompilationCache(cache))
	defer func() { _ = rt.Close(context.Background()) }()
	_, err = rt.CompileModule(t.Context(), job.Module)
	require.NoError(t, err)
	require.Equal(t, made, files(t, job.Dir), "nothing was compiled again")
}

// files returns the files of a folder, and when they were written.
func files(t *testing.T, dir string) map[string]time.Time {
	t.Helper()
	all := map[string]time.Time{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		all[path] = info.ModTime()
		return err
	}))
	return all
}

func TestWhatGoesWrong(t *testing.T) {
	for name, c := range map[string]struct {
		job   compiler.Job
		limit time.Duration
		is    error
		says  string
	}{
		"no module":       {job: compiler.Job{Module: []byte("hello"), MemoryMiB: 1024}, says: "invalid magic number"},
		"a wrong module":  {job: compiler.Job{Module: append(hostile.Choking(2), 1, 1, 0), MemoryMiB: 1024}, says: "section"},
		"too much memory": {job: compiler.Job{Module: hostile.Choking(2000), MemoryMiB: 64}, is: compiler.ErrMemory},
		"too much time":   {job: compiler.Job{Module: hostile.Choking(2000), MemoryMiB: 8192}, limit: 300 * time.Millisecond, is: context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, job := t.Context(), c.job
			job.Dir, job.Processors = t.TempDir(), 1
			if c.limit > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, c.limit)
				defer cancel()
			}
			err := itself(t).Compile(ctx, job)
			require.Error(t, err)
			if c.is != nil {
				require.ErrorIs(t, err, c.is)
			}
			require.ErrorContains(t, err, c.says)
			require.Empty(t, files(t, job.Dir), "nothing that is not whole is left behind")
		})
	}
}

func TestACommandThatIsNotThere(t *testing.T) {
	err := compiler.Command{filepath.Join(t.TempDir(), "none")}.Compile(t.Context(), compiler.Job{Module: hostile.Choking(2)})
	require.ErrorContains(t, err, "start the compiler")
	self, err := os.Executable()
	require.NoError(t, err)
	err = compiler.Command{self, verb, "more"}.Compile(t.Context(), compiler.Job{Module: hostile.Choking(2)})
	require.ErrorContains(t, err, "the compiler is started by the host")
}

// A compiler whose host is gone, however that has ended, does not go on.
func TestTheCompilerEndsWithItsHost(t *testing.T) {
	command := itself(t)
	cmd := exec.CommandContext(t.Context(), command[0], command[1], t.TempDir(), "8192", "1")
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	module := hostile.Choking(2000)
	_, err = in.Write(append([]byte{byte(len(module)), byte(len(module) >> 8), byte(len(module) >> 16), 0, 0, 0, 0, 0}, module...))
	require.NoError(t, err)
	require.NoError(t, in.Close())
	require.Error(t, cmd.Wait(), "it would take half a minute to compile this")
}

package compiler

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"
)

// How the process ends, beside 0. Go's own failures end with 2.
const (
	exitRefused = 1 // the compiler does not take the module
	exitMemory  = 3
)

// watchEvery is how often the process looks at its memory. The compiler takes less than
// 100 MiB in that time.
const watchEvery = 5 * time.Millisecond

// Main is the process of a Command: args are those that Compile has added, in its
// standard input. It returns the code to exit with, or exits itself.
func Main(args []string, in io.Reader, says io.Writer) int {
	if err := compile(args, in); err != nil {
		fmt.Fprintln(says, err)
		return exitRefused
	}
	return 0
}

func compile(args []string, in io.Reader) error {
	if len(args) != 4 {
		return errors.New("the compiler is started by the host")
	}
	most, err := strconv.ParseInt(args[1], 10, 32)
	if err != nil {
		return err
	}
	workers, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	watched, err := strconv.ParseBool(args[3])
	if err != nil {
		return err
	}
	module, err := readModule(in)
	if err != nil {
		return err
	}
	yieldToOthers()
	runtime.GOMAXPROCS(max(workers, 1) + 1) // one looks at the memory
	debug.SetGCPercent(50)                  // memory counts here, time does not
	go watchMemory(most << 20)
	go watchHost(in)

	ctx := context.Background()
	cache, err := wazero.NewCompilationCacheWithDir(args[0])
	if err != nil {
		return err
	}
	rt := wazero.NewRuntimeWithConfig(ctx, Config(cache, watched))
	_, err = rt.CompileModule(experimental.WithCompilationWorkers(ctx, workers), module)
	return err
}

// readModule reads the length of a module and the module.
func readModule(in io.Reader) ([]byte, error) {
	var length [8]byte
	if _, err := io.ReadFull(in, length[:]); err != nil {
		return nil, err
	}
	size := binary.LittleEndian.Uint64(length[:])
	if size > math.MaxInt32 {
		return nil, errors.New("the module is too long")
	}
	module := make([]byte, size)
	_, err := io.ReadFull(in, module)
	return module, err
}

// watchHost ends the process with the one that has started it.
func watchHost(in io.Reader) {
	_, _ = io.Copy(io.Discard, in)
	os.Exit(exitRefused)
}

// watchMemory ends the process when it has more memory than it may.
func watchMemory(most int64) {
	has := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	for range time.Tick(watchEvery) {
		metrics.Read(has)
		if int64(has[0].Value.Uint64()-has[1].Value.Uint64()) > most {
			os.Exit(exitMemory)
		}
	}
}

package compiler

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// ErrMemory says that a module needs more memory to be compiled than it may have.
var ErrMemory = errors.New("the compiler needs too much memory")

// Job is what is to be compiled.
type Job struct {
	Module []byte
	// Dir is where the machine code goes, as wazero's compilation caches have it.
	Dir string
	// MemoryMiB bounds the process, with what it needs for itself.
	MemoryMiB int
	// Processors is how many it may use.
	Processors int
	// Watched is as for Config.
	Watched bool
}

// Command is the command line of a process that calls Main with what follows it.
type Command []string

// Compile has the machine code of a module in its folder when it returns nil. Its other
// errors are ErrMemory, that of ctx, and what the compiler says; it begins and
// ends one process.
func (c Command) Compile(ctx context.Context, job Job) error {
	args := append(append([]string{}, c[1:]...), job.Dir, strconv.Itoa(job.MemoryMiB), strconv.Itoa(job.Processors), strconv.FormatBool(job.Watched))
	cmd := exec.CommandContext(ctx, c[0], args...)
	cmd.WaitDelay = time.Second // of pipes, after the process has ended
	var says bytes.Buffer
	cmd.Stderr = &limited{to: &says, left: 16 << 10}
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := start(cmd); err != nil {
		return fmt.Errorf("start the compiler: %w", err)
	}
	// What goes wrong here is said better by how the process ends.
	_, _ = in.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(job.Module))))
	_, _ = in.Write(job.Module)
	err = cmd.Wait() // it closes in, whose end tells the process that nobody waits any more
	var ended *exec.ExitError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &ended) && ended.ExitCode() == exitMemory:
		return ErrMemory
	case errors.As(err, &ended) && ended.ExitCode() == exitRefused:
		return errors.New(strings.TrimSpace(says.String()))
	}
	return fmt.Errorf("the compiler ended with %w: %s", err, firstLine(says.String()))
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// limited keeps the first bytes of what is written.
type limited struct {
	to   *bytes.Buffer
	left int
}

// Write implements io.Writer.
func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.left -= n
	l.to.Write(p[:n])
	return len(p), nil
}

package main

import (
	"context"
	"os"
	"os/signal"

	"github.com/happn-host/happn-host/cmd/happn-host/internal/bench"
)

// benchCommand puts load on a happn-3 compatible server and reports what it did.
// An interrupt ends the measurement.
func benchCommand(ctx context.Context, p *process, args []string) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	if err := bench.Command(ctx, args, p.stdout, p.stderr); err != nil {
		return p.fail(exitFailed, "bench: %s", err)
	}
	return exitOK
}

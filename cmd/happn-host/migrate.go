package main

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/happn-host/happn-host/datastore/migrate"
	"github.com/happn-host/happn-host/datastore/migrate/loki"
	"github.com/happn-host/happn-host/host"
	"github.com/happn-host/happn-host/host/config"
)

const migrateUsage = `Usage: happn-host migrate --from file [--dry-run] [--config file] [--<key> value ...]

Copies the documents of a happn-3 data file into the stores that a host would use with the same --config,
environment and flags, such as --data folder. Neither happn-3 nor that host may run meanwhile. Documents keep
their data, times and users; those of security (users, groups, password hashes) are copied unchanged.

It looks at everything first, and writes nothing if something could not be stored or if other documents are in
the way. Ctrl-C stops it after the batch that it is at; the same command goes on from there. What has been
copied already is left alone.

  --from file            what happn-3 keeps its documents in (its setting filename)
  --dry-run              only report what would be done
  --verify               compare everything afterwards
  --on-conflict policy   for a path with another document in the target: fail (nothing is copied, the default),
                         skip (the target's stays), overwrite, or newer (the one that was modified later stays)
  --only pattern         copy these paths only, such as '/sensors/*'; may be repeated
  --exclude pattern      leave these paths out; may be repeated
  --skip-refused         copy the rest when some documents cannot be stored
  --skip-broken          pass over damaged lines below the snapshot, as happn-3 does

Exits with 0 when all is copied (or could be), 1 when not, 2 when asked wrongly.
`

// migrateFlags are those beside the configuration.
type migrateFlags struct {
	*configFlags
	from, policy                            string
	dryRun, verify, skipRefused, skipBroken bool
	only, exclude                           []string
}

func newMigrateFlags() *migrateFlags {
	f := &migrateFlags{configFlags: newConfigFlags("migrate")}
	f.set.StringVar(&f.from, "from", "", "")
	f.set.StringVar(&f.policy, "on-conflict", string(migrate.Fail), "")
	f.set.BoolVar(&f.dryRun, "dry-run", false, "")
	f.set.BoolVar(&f.verify, "verify", false, "")
	f.set.BoolVar(&f.skipRefused, "skip-refused", false, "")
	f.set.BoolVar(&f.skipBroken, "skip-broken", false, "")
	f.set.StringArrayVar(&f.only, "only", nil, "")
	f.set.StringArrayVar(&f.exclude, "exclude", nil, "")
	f.own = []string{"from", "on-conflict", "dry-run", "verify", "skip-refused", "skip-broken", "only", "exclude"}
	return f
}

func migrateCommand(ctx context.Context, p *process, args []string) int {
	flags := newMigrateFlags()
	c, code, done := p.load(flags.configFlags, args, migrateUsage)
	if done {
		return code
	}
	if flags.from == "" {
		return p.fail(exitUsage, "does not know what to copy; name the data file of happn-3 with --from")
	}
	policy, err := migrate.ParsePolicy(flags.policy)
	if err != nil {
		return p.fail(exitUsage, "--on-conflict: %s", err)
	}
	if store := forgetful(c); store != "" && !flags.dryRun {
		return p.fail(exitUsage, "the default store %q keeps nothing, so that all would be lost; see data.durability and data.stores", store)
	}
	ctx, stop := p.untilTold(ctx)
	defer stop()
	source, err := loki.Open(ctx, flags.from, loki.Options{SkipBroken: flags.skipBroken})
	if err != nil {
		return p.fail(exitFailed, "cannot read what to copy: %s", err)
	}
	defer source.Close()
	target, err := host.OpenStore(c, newLogger(p, c.Log))
	if err != nil {
		return p.fail(exitFailed, "cannot open where to copy to (no host may run on it): %s", err)
	}
	progress := newProgress(p.stderr)
	report, err := migrate.Run(ctx, migrate.Options{
		Source: source, Target: target, OnConflict: policy, Only: flags.only, Exclude: flags.exclude,
		PathBytes: c.Limits.PathBytes, JSONDepth: c.Limits.JSONDepth, Settable: host.Settable,
		SkipRefused: flags.skipRefused, DryRun: flags.dryRun, Verify: flags.verify, Progress: progress.tell,
	})
	progress.end()
	err = errors.Join(err, target.Close())
	writeReport(p.stdout, report, flags)
	return p.migrated(err)
}

// migrated says why a copy is not complete.
func (p *process) migrated(err error) int {
	var advice []string
	for _, one := range []struct {
		is   error
		says string
	}{
		{context.Canceled, "it was told to stop; run the same command again to go on"},
		{migrate.ErrRefused, "leave these out with --exclude, or copy the rest with --skip-refused"},
		{migrate.ErrConflict, "choose which ones stay with --on-conflict, or copy into an empty data folder"},
	} {
		if errors.Is(err, one.is) {
			advice = append(advice, one.says)
		}
	}
	switch {
	case err == nil:
		return exitOK
	case len(advice) == 0:
		return p.fail(exitFailed, "cannot copy: %s; run the same command again to go on", err)
	}
	return p.fail(exitFailed, "not everything is copied: %s: %s",
		strings.ReplaceAll(err.Error(), "\n", "; "), strings.Join(advice, "; "))
}

// forgetful returns the name of the default store if it keeps nothing.
func forgetful(c config.Config) string {
	if first := c.Data.AllStores()[0]; first.Provider == config.ProviderMemory {
		return first.Name
	}
	return ""
}

// untilTold returns a context that ends at the first signal; the second one ends
// the process at once, as ever.
func (p *process) untilTold(ctx context.Context) (_ context.Context, stop func()) {
	signals, release := p.signals()
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case got := <-signals:
			release()
			p.report("text", "stopping", got.String()+"; finishing the batch, a second signal exits at once")
			cancel()
		case <-ctx.Done():
			release()
		}
	}()
	return ctx, func() { cancel(); <-ended }
}

// terminal reports whether a person watches what is written to w.
func terminal(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

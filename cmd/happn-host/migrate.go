package main

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/happn-host/happn-host/datastore/migrate"
	"github.com/happn-host/happn-host/host"
	"github.com/happn-host/happn-host/host/config"
)

const migrateUsage = `Usage: happn-host migrate --from source [--dry-run] [--config file] [--<key> value ...]

Copies the documents of a source into the stores that a host would use with the same --config, environment
and flags, such as --data folder. Nobody may write to the source or run a host on the target meanwhile.
Documents keep their data, times and users; those of security (users, groups, password hashes) are copied
unchanged.

A source, told by its form, is one of
  file            a data file of happn-3 (its setting filename), or what happn-host backup has written
  folder          the data folder of a host that does not run
  mongodb://...   a happn collection of MongoDB, written by happn-3 or by a host; also mongodb+srv://
  env:NAME        the URL in this environment variable, where the list of processes does not show its password

It looks at everything first, and writes nothing if something could not be stored or if other documents are in
the way. Ctrl-C stops it after the batch that it is at; the same command goes on from there. What has been
copied already is left alone, and nothing is ever changed in the source.

  --from source             what to copy
  --from-database name      of MongoDB; default is the one in the URL, or else happn
  --from-collection name    of MongoDB; default happn
  --dry-run                 only report what would be done
  --verify                  compare everything afterwards
  --on-conflict policy      for a path with another document in the target: fail (nothing is copied, the
                            default), skip (the target's stays), overwrite, or newer (the one that was modified
                            later stays)
  --only pattern            copy these paths only, such as '/sensors/*'; may be repeated
  --exclude pattern         leave these paths out; may be repeated
  --skip-refused            copy the rest when some documents cannot be stored
  --skip-broken             pass over damaged lines of a data file below its snapshot, as happn-3 does

Exits with 0 when all is copied (or could be), 1 when not, 2 when asked wrongly.

Examples:
  happn-host migrate --from happn.db --data /var/lib/happn-host/data --dry-run
  MONGO=mongodb://bob:secret@db/happn happn-host migrate --from env:MONGO --data /var/lib/happn-host/data --verify
  happn-host migrate --from backup/default.happn --config host.yaml
`

// migrateFlags are those beside the configuration.
type migrateFlags struct {
	*configFlags
	from, database, collection, policy      string
	dryRun, verify, skipRefused, skipBroken bool
	only, exclude                           []string
}

func newMigrateFlags() *migrateFlags {
	f := &migrateFlags{configFlags: newConfigFlags("migrate")}
	f.set.StringVar(&f.from, "from", "", "")
	f.set.StringVar(&f.database, "from-database", "", "")
	f.set.StringVar(&f.collection, "from-collection", "", "")
	f.set.StringVar(&f.policy, "on-conflict", string(migrate.Fail), "")
	f.set.BoolVar(&f.dryRun, "dry-run", false, "")
	f.set.BoolVar(&f.verify, "verify", false, "")
	f.set.BoolVar(&f.skipRefused, "skip-refused", false, "")
	f.set.BoolVar(&f.skipBroken, "skip-broken", false, "")
	f.set.StringArrayVar(&f.only, "only", nil, "")
	f.set.StringArrayVar(&f.exclude, "exclude", nil, "")
	f.own = []string{"from", "from-database", "from-collection", "on-conflict", "dry-run", "verify", "skip-refused",
		"skip-broken", "only", "exclude"}
	f.named = func() []string {
		if name, ok := strings.CutPrefix(f.from, fromVariable); ok {
			return []string{name}
		}
		return nil
	}
	return f
}

func migrateCommand(ctx context.Context, p *process, args []string) int {
	flags := newMigrateFlags()
	c, code, done := p.load(flags.configFlags, args, migrateUsage)
	if done {
		return code
	}
	if flags.from == "" {
		return p.fail(exitUsage, "does not know what to copy; name a data file of happn-3, a backup, a data folder or a mongodb:// URL with --from")
	}
	from, err := p.parseOrigin(flags.from)
	if err == nil {
		err = from.check(flags)
	}
	if err != nil {
		return p.fail(exitUsage, "%s", err)
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
	log := newLogger(p, c.Log)
	source, err := from.open(ctx, flags, log)
	if err != nil {
		return p.fail(exitFailed, "cannot read what to copy: %s", oneLine(err))
	}
	defer source.Close()
	open := host.OpenStore
	if flags.dryRun {
		open = host.LookIntoStore
	}
	target, err := open(c, log)
	if err != nil {
		return p.fail(exitFailed, "cannot open where to copy to (no host may run on it): %s", oneLine(err))
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
		{migrate.ErrConflict, "choose which ones stay with --on-conflict, or copy into an empty store"},
	} {
		if errors.Is(err, one.is) {
			advice = append(advice, one.says)
		}
	}
	switch {
	case err == nil:
		return exitOK
	case len(advice) == 0:
		return p.fail(exitFailed, "cannot copy: %s; run the same command again to go on", oneLine(err))
	}
	return p.fail(exitFailed, "not everything is copied: %s: %s",
		oneLine(err), strings.Join(advice, "; "))
}

// oneLine is the text of an error that may be several.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

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

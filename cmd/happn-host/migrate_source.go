package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/happn-host/happn-host/datastore/memory"
	"github.com/happn-host/happn-host/datastore/migrate"
	"github.com/happn-host/happn-host/datastore/migrate/collection"
	"github.com/happn-host/happn-host/datastore/migrate/loki"
	"github.com/happn-host/happn-host/datastore/migrate/snapshot"
)

// origin is what --from means.
type origin struct {
	url  string // of a MongoDB server, with what is secret in it
	path string // of a file or folder
}

// fromVariable is how --from names a variable of the environment that holds a URL.
const fromVariable = "env:"

// parseOrigin reads --from. An error never tells what a URL says.
func (p *process) parseOrigin(from string) (origin, error) {
	name, ofVariable := strings.CutPrefix(from, fromVariable)
	if ofVariable {
		if from = p.variable(name); from == "" {
			return origin{}, fmt.Errorf("the environment variable %s is empty; put the URL of the MongoDB server there", name)
		}
	}
	scheme, _, isURL := strings.Cut(from, "://")
	switch {
	case isURL && (scheme == "mongodb" || scheme == "mongodb+srv"):
		return origin{url: from}, nil
	case ofVariable:
		return origin{}, fmt.Errorf("the environment variable %s holds no URL that begins with mongodb:// or mongodb+srv://", name)
	case isURL:
		return origin{}, fmt.Errorf("a source with %q is not known; use mongodb:// or mongodb+srv://, a file or a folder", scheme+"://")
	}
	return origin{path: from}, nil
}

// check reports flags that mean nothing for this source.
func (o origin) check(f *migrateFlags) error {
	switch {
	case o.url == "" && (f.database != "" || f.collection != ""):
		return errors.New("--from-database and --from-collection are for a source in MongoDB")
	case o.url != "" && f.skipBroken:
		return errors.New("--skip-broken is for data files of happn-3; what cannot be read in MongoDB is left out with --skip-refused")
	}
	return nil
}

// open opens the source.
func (o origin) open(ctx context.Context, f *migrateFlags, log *slog.Logger) (migrate.Source, error) {
	if o.url != "" {
		return collection.Open(ctx, collection.Options{URL: o.url, Database: f.database, Collection: f.collection, Logger: log})
	}
	info, err := os.Stat(o.path)
	switch {
	case err == nil && info.IsDir():
		return openFolder(o.path, log)
	case err == nil && info.Mode().IsRegular():
		if is, err := snapshot.Is(o.path); err != nil {
			return nil, err
		} else if is {
			return snapshot.Open(ctx, o.path)
		}
	}
	return loki.Open(ctx, o.path, loki.Options{SkipBroken: f.skipBroken})
}

// openFolder opens the data folder of a host that does not run.
func openFolder(dir string, log *slog.Logger) (migrate.Source, error) {
	is, err := memory.IsFolder(dir)
	if err != nil {
		return nil, err
	}
	if !is {
		if backups, _ := filepath.Glob(filepath.Join(dir, "*.happn")); len(backups) > 0 {
			return nil, fmt.Errorf("%s is a folder of backups; name one of them, such as %s", dir, backups[0])
		}
		return nil, fmt.Errorf("%s is a folder, but not one that a host keeps its documents in; name one, or a file", dir)
	}
	store, err := memory.Open(memory.Options{Dir: dir, Logger: log})
	if err != nil {
		return nil, fmt.Errorf("%w (no host may run on it)", err)
	}
	return migrate.FromStore("data folder", dir, store), nil
}

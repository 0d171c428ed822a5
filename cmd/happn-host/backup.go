package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/host"
)

const backupUsage = `Usage: happn-host backup --to file|folder [--store name] [--archive id] [--url address] [--user name]

Asks a running host for a snapshot of its documents, without stopping writes. Without access control the
host must be on this machine and listen on a loopback address. A host with several stores needs a folder,
which gets one file for each store that keeps something, <store>.happn; each shows its store at one moment of
its own. A file that exists is never overwritten. The documents of archives are not among them: each archive
has a backup of its own.

  --to path      the file to write, or a folder
  --store name   only this store
  --archive id   the documents of this archive (see happn-host archive) instead
` + credentialsUsage

func backupCommand(ctx context.Context, p *process, args []string) int {
	flags := newFlags("backup")
	to := flags.String("to", "", "")
	var who credentials
	who.add(flags)
	store := flags.String("store", "", "")
	archive := flags.Int64("archive", 0, "")
	if code, done := p.parse(flags, args, backupUsage); done {
		return code
	}
	if *to == "" {
		return p.fail(exitUsage, "does not know where to write; name a file or a folder with --to")
	}
	at, code := p.connect(ctx, who)
	if at == nil {
		return code
	}
	b := &backup{at}
	if *archive != 0 {
		snapshot, err := b.save(ctx, url.Values{"archive": {strconv.FormatInt(*archive, 10)}}, *to)
		if err != nil {
			return p.fail(exitFailed, "cannot back up archive %d: %s", *archive, err)
		}
		fmt.Fprintf(p.stdout, "archive %d: %s\n", *archive, saved(snapshot, *to))
		return exitOK
	}
	stores, err := b.stores(ctx, *store)
	if err != nil {
		return p.fail(exitFailed, "cannot back up: %s", err)
	}
	folder := strings.HasSuffix(*to, string(os.PathSeparator)) || strings.HasSuffix(*to, "/")
	if info, err := os.Stat(*to); err == nil {
		folder = info.IsDir()
	}
	if len(stores) > 1 && !folder {
		if _, err := os.Stat(*to); err == nil {
			return p.fail(exitUsage, "%s is a file, but the host has %d stores; name a folder, or one of them with --store: %s",
				*to, len(stores), strings.Join(stores, ", "))
		}
		folder = true
	}
	for _, name := range stores {
		file := *to
		if folder {
			file = filepath.Join(*to, name+".happn")
		}
		snapshot, err := b.save(ctx, url.Values{"store": {name}}, file)
		if err != nil {
			return p.fail(exitFailed, "cannot back up store %s: %s", name, err)
		}
		fmt.Fprintf(p.stdout, "store %s: %s\n", name, saved(snapshot, file))
	}
	return exitOK
}

func saved(snapshot datastore.Snapshot, file string) string {
	return fmt.Sprintf("%s in %s (%d bytes, SHA-256 %s)",
		counted(int(snapshot.Documents), "document"), file, snapshot.Size, snapshot.Sum)
}

// backup asks one host.
type backup struct{ *operator }

// stores returns the names of the stores to back up: the one that was asked for,
// or all that keep something.
func (b *backup) stores(ctx context.Context, only string) ([]string, error) {
	health, err := b.health(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, s := range health.Stores {
		if only == s.Name {
			return []string{only}, nil
		}
		if s.Durability != "none" {
			names = append(names, s.Name)
		}
	}
	switch {
	case only != "":
		return nil, fmt.Errorf("the host has no store %q; there are: %s", only, strings.Join(names, ", "))
	case len(names) == 0:
		return nil, errors.New("no store of the host keeps anything on disk")
	}
	return names, nil
}

// save writes the snapshot that is asked for to a file, which appears only when
// it is complete and on disk.
func (b *backup) save(ctx context.Context, what url.Values, file string) (s datastore.Snapshot, err error) {
	if _, err := os.Lstat(file); err == nil {
		return s, fmt.Errorf("%s exists; name another place, or move it away", file)
	}
	resp, err := b.ask(ctx, http.MethodPost, "api/v1/backup", what, nil)
	if err != nil {
		return s, err
	}
	defer resp.Body.Close()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return s, err
	}
	part := file + ".part"
	if s, err = receive(resp, part); err == nil {
		err = os.Rename(part, file)
	}
	if err != nil {
		_ = os.Remove(part) // it may not be there
	}
	return s, err
}

// receive writes the body of an answer to a file and sees that it is what the
// host says it sent.
func receive(resp *http.Response, file string) (s datastore.Snapshot, err error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return s, err
	}
	sum := sha256.New()
	size, err := io.Copy(io.MultiWriter(f, sum), resp.Body)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return s, fmt.Errorf("the snapshot broke off after %d bytes: %w", size, err)
	}
	if err := json.Unmarshal([]byte(resp.Trailer.Get(host.SnapshotTrailer)), &s); err != nil {
		return s, fmt.Errorf("the host did not say that the snapshot is complete: %w", err)
	}
	if size != s.Size {
		return s, fmt.Errorf("%d bytes arrived of %d; try again", size, s.Size)
	}
	s.Sum = hex.EncodeToString(sum.Sum(nil)) // of the file, as sha256sum prints it
	return s, nil
}

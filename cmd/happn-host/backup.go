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
	"strings"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/host"
)

const backupUsage = `Usage: happn-host backup --to file|folder [--url http://127.0.0.1:55000] [--store name]

Asks a running host on this machine for a snapshot of its documents, without stopping writes. The host
must listen on a loopback address. A host with several stores needs a folder, which gets one file for
each store that keeps something, <store>.happn; each shows its store at one moment of its own. A file
that exists is never overwritten.

  --to path      the file to write, or a folder
  --url address  where the host listens; default http://127.0.0.1:55000
  --store name   only this store
`

func backupCommand(ctx context.Context, p *process, args []string) int {
	flags := newFlags("backup")
	to := flags.String("to", "", "")
	address := flags.String("url", "http://127.0.0.1:55000", "")
	store := flags.String("store", "", "")
	if code, done := p.parse(flags, args, backupUsage); done {
		return code
	}
	base, err := url.Parse(*address)
	switch {
	case *to == "":
		return p.fail(exitUsage, "does not know where to write; name a file or a folder with --to")
	case err != nil || base.Scheme != "http" || base.Host == "":
		return p.fail(exitUsage, "--url %q is not the address of a host, such as http://127.0.0.1:55000", *address)
	}
	// No proxy may stand between: the host answers its own machine only.
	b := &backup{base: base, client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
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
		snapshot, err := b.save(ctx, name, file)
		if err != nil {
			return p.fail(exitFailed, "cannot back up store %s: %s", name, err)
		}
		fmt.Fprintf(p.stdout, "store %s: %s in %s (%d bytes, SHA-256 %s)\n",
			name, counted(int(snapshot.Documents), "document"), file, snapshot.Size, snapshot.Sum)
	}
	return exitOK
}

// backup asks one host.
type backup struct {
	base   *url.URL
	client *http.Client
}

// stores returns the names of the stores to back up: the one that was asked for,
// or all that keep something.
func (b *backup) stores(ctx context.Context, only string) ([]string, error) {
	resp, err := b.do(ctx, http.MethodGet, b.base.JoinPath("healthz"))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var health host.Health
	if err := json.NewDecoder(resp.Body).Decode(&health); err != nil {
		return nil, fmt.Errorf("%s does not answer like a happn-host: %w", b.base, err)
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

func (b *backup) do(ctx context.Context, method string, to *url.URL) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, to.String(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := b.client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("no host answers; check --url and that it runs: %w", err)
	}
	return resp, nil
}

// save writes the snapshot of one store to a file, which appears only when it is
// complete and on disk.
func (b *backup) save(ctx context.Context, store, file string) (s datastore.Snapshot, err error) {
	if _, err := os.Lstat(file); err == nil {
		return s, fmt.Errorf("%s exists; name another place, or move it away", file)
	}
	to := b.base.JoinPath("api/v1/backup")
	to.RawQuery = url.Values{"store": {store}}.Encode()
	resp, err := b.do(ctx, http.MethodPost, to)
	if err != nil {
		return s, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		var refusal struct{ Error string }
		_ = json.NewDecoder(io.LimitReader(resp.Body, 1<<16)).Decode(&refusal) // without it the status must do
		return s, fmt.Errorf("the host answers %s: %s", resp.Status, refusal.Error)
	}
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

package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

const compactUsage = `Usage: happn-host compact [--store name] [--url address] [--user name]

Asks a running host to rewrite the files of its stores without what has been overwritten, removed or dropped.
Requests are served meanwhile. The host does this by itself, too, a little at a time; the command is for a
folder that has to shrink now. Without access control the host must be on this machine and listen on a
loopback address.

  --store name   only this store
` + credentialsUsage

func compactCommand(ctx context.Context, p *process, args []string) int {
	flags := newFlags("compact")
	only := flags.String("store", "", "")
	var who credentials
	who.add(flags)
	if code, done := p.parse(flags, args, compactUsage); done {
		return code
	}
	at, code := p.connect(ctx, who)
	if at == nil {
		return code
	}
	stores, err := (&backup{at}).stores(ctx, *only)
	if err != nil {
		return p.fail(exitFailed, "cannot compact: %s", err)
	}
	for _, name := range stores {
		before, err := at.diskBytes(ctx, name)
		if err != nil {
			return p.fail(exitFailed, "cannot compact store %s: %s", name, err)
		}
		var done struct{}
		if err := at.tell(ctx, http.MethodPost, "api/v1/compact", url.Values{"store": {name}}, &done); err != nil {
			return p.fail(exitFailed, "cannot compact store %s: %s", name, err)
		}
		after, err := at.diskBytes(ctx, name)
		if err != nil {
			return p.fail(exitFailed, "store %s is compacted, but the host does not say how large it is: %s", name, err)
		}
		fmt.Fprintf(p.stdout, "store %s: %d bytes on disk, %d before\n", name, after, before)
	}
	return exitOK
}

// diskBytes returns the size of a store's files.
func (o *operator) diskBytes(ctx context.Context, store string) (int64, error) {
	health, err := o.health(ctx)
	for _, s := range health.Stores {
		if s.Name == store {
			return s.DiskBytes, err
		}
	}
	return 0, err
}

package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/happn-host/happn-host/host"
)

const archiveUsage = `Usage: happn-host archive [--path pattern] [--store name] [--url address] [--user name]
       happn-host archive --list
       happn-host archive --drop id

Asks a running host to move documents out of a store into a new archive, without stopping writes. Clients no
longer find them, but in the archive: get(path, {options: {archiveId: id}}). The host's own documents, below
/_SYSTEM, stay. Without access control the host must be on this machine and listen on a loopback address.

  --path pattern  of the documents to move, such as '/history/2025/*'; default * is all
  --store name    whose documents; needed if the host has several stores
  --list          list the archives instead
  --drop id       remove this archive and its documents for good instead
  --url address   where the host listens; default http://127.0.0.1:55000
`

const archiveRoute = "api/v1/archive"

func archiveCommand(ctx context.Context, p *process, args []string) int {
	flags := newFlags("archive")
	path := flags.String("path", "", "")
	store := flags.String("store", "", "")
	list := flags.Bool("list", false, "")
	drop := flags.Int64("drop", 0, "")
	var who credentials
	who.add(flags)
	if code, done := p.parse(flags, args, archiveUsage); done {
		return code
	}
	if (*list || *drop != 0) && (*path != "" || *store != "") || *list && *drop != 0 {
		return p.fail(exitUsage, "archive makes an archive, or takes one of --list and --drop alone")
	}
	at, code := p.connect(ctx, who)
	if at == nil {
		return code
	}
	switch {
	case *list:
		return p.listArchives(ctx, at)
	case *drop != 0:
		var done struct{}
		if err := at.tell(ctx, http.MethodDelete, archiveRoute, url.Values{"id": {strconv.FormatInt(*drop, 10)}}, &done); err != nil {
			return p.fail(exitFailed, "cannot drop archive %d: %s", *drop, err)
		}
		fmt.Fprintf(p.stdout, "archive %d is gone\n", *drop)
		return exitOK
	}
	var made host.StoreArchive
	if err := at.tell(ctx, http.MethodPost, archiveRoute, url.Values{"store": {*store}, "path": {*path}}, &made); err != nil {
		return p.fail(exitFailed, "cannot archive: %s", err)
	}
	p.writeArchive(made)
	return exitOK
}

func (p *process) listArchives(ctx context.Context, at *operator) int {
	var all []host.StoreArchive
	if err := at.tell(ctx, http.MethodGet, archiveRoute, nil, &all); err != nil {
		return p.fail(exitFailed, "cannot list the archives: %s", err)
	}
	for _, a := range all {
		p.writeArchive(a)
	}
	return exitOK
}

func (p *process) writeArchive(a host.StoreArchive) {
	fmt.Fprintf(p.stdout, "archive %d of store %s: %s (%d bytes), taken %s\n",
		a.ID, a.Store, counted(int(a.Documents), "document"), a.Bytes, a.Taken.UTC().Format("2006-01-02 15:04:05 MST"))
}

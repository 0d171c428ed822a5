package main

import (
	"context"
	"fmt"
	"os"

	"github.com/happn-host/happn-host/datastore/memory"
)

const restoreUsage = `Usage: happn-host restore --from file --data folder

Makes a new data folder from a backup. The folder must be empty or not exist, and appears only when the
whole backup has been read and its checksum is right. Start a host on it with happn-host serve --data.

  --from file    what happn-host backup has written
  --data folder  the new folder
`

func restoreCommand(ctx context.Context, p *process, args []string) int {
	flags := newFlags("restore")
	from := flags.String("from", "", "")
	to := flags.String("data", "", "")
	if code, done := p.parse(flags, args, restoreUsage); done {
		return code
	}
	if *from == "" || *to == "" {
		return p.fail(exitUsage, "needs --from, a backup, and --data, the folder to make from it")
	}
	f, err := os.Open(*from)
	if err != nil {
		return p.fail(exitFailed, "cannot restore: %s", err)
	}
	defer f.Close()
	snapshot, err := memory.Restore(ctx, f, *to)
	if err != nil {
		return p.fail(exitFailed, "cannot restore: %s: %s", *from, err)
	}
	fmt.Fprintf(p.stdout, "%s as of %s in %s\n", counted(int(snapshot.Documents), "document"),
		snapshot.Taken.UTC().Format("2006-01-02 15:04:05 MST"), *to)
	return exitOK
}

package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	dir := flag.String("dir", "", "folder of the databases; it must exist")
	listen := flag.String("listen", "127.0.0.1:0", "address to listen on")
	flag.Parse()
	if err := run(*dir, *listen); err != nil {
		fmt.Fprintln(os.Stderr, "ferret:", err)
		os.Exit(1)
	}
}

// sqliteURL is where the databases are: in files, since in memory two connections
// wait for each other. No test takes the machine's power away, so nothing waits for
// the disk.
func sqliteURL(dir string) string { return "file:" + dir + "/?_pragma=synchronous(off)" }

// run serves until the process is told to stop or its standard input ends, so
// that it never outlives the test that started it.
func run(dir, listen string) error {
	if dir == "" {
		return fmt.Errorf("no folder; give one with -dir")
	}
	server, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{TCP: listen},
		Handler:   "sqlite",
		SQLiteURL: sqliteURL(dir),
		Logger:    slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	stopped := make(chan error, 1)
	go func() { stopped <- server.Run(ctx) }()
	fmt.Println(server.MongoDBURI())
	return <-stopped
}

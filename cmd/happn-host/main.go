package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/happn-host/happn-host/host/config"
	"github.com/happn-host/happn-host/host/plugin/compiler"
)

// Exit codes. A second signal exits with 128 plus its number, as a shell would
// report it.
const (
	exitOK     = 0 // did what was asked, including a clean stop after a signal
	exitFailed = 1 // was asked properly, and failed
	exitUsage  = 2 // was asked wrongly: unknown subcommand or flag, mistakes in the configuration
)

// process is what a subcommand may touch of the process it runs in.
type process struct {
	stdin          *os.File // nil for none
	stdout, stderr io.Writer
	environ        []string
	open           func(config.Config, *slog.Logger) (server, error)
	signals        func() (signals <-chan os.Signal, release func())
}

// fail reports why the command ends, and returns the code to end with.
func (p *process) fail(code int, format string, args ...any) int {
	fmt.Fprintf(p.stderr, "happn-host: "+format+"\n", args...)
	return code
}

// subcommand is one verb of the command line.
type subcommand struct {
	name  string
	short string // one line for the overview
	run   func(ctx context.Context, p *process, args []string) int
}

func subcommands() []subcommand {
	return []subcommand{
		{"serve", "run a host until it is told to stop", serve},
		{"check-config", "check a configuration without starting", checkConfig},
		{"backup", "copy the documents of a running host", backupCommand},
		{"restore", "make a data folder from a backup", restoreCommand},
		{"archive", "move documents of a running host into archives", archiveCommand},
		{"compact", "give back disk space while a host runs", compactCommand},
		{"user", "list, make, change and remove the users of a host with access control", userCommand},
		{"group", "list, make and remove the groups of a host with access control", groupCommand},
		{"permission", "tell, give and take what users and groups may do", permissionCommand},
		{"session", "list and disconnect the clients of a running host", sessionCommand},
		{"token", "revoke the tokens of logins, and let locked users log in again", tokenCommand},
		{"migrate", "copy the documents of happn-3, MongoDB or a backup into the stores of a host", migrateCommand},
		{"bench", "measure a happn-3 compatible server", benchCommand},
		{"plugin", "build plugins, and manage those of a running host", pluginCommand},
		{"config-doc", "print the reference of every configuration key", configDoc},
		{"version", "print the version", printVersion},
	}
}

func main() {
	p := &process{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, environ: os.Environ(), open: openHost, signals: stopSignals}
	os.Exit(run(context.Background(), p, os.Args[1:]))
}

// run finds the subcommand and returns the code to exit with.
func run(ctx context.Context, p *process, args []string) int {
	if len(args) == 0 {
		writeOverview(p.stderr)
		return exitUsage
	}
	switch args[0] {
	case "help", "-h", "--help":
		return help(ctx, p, args[1:])
	case "-v", "--version":
		return printVersion(ctx, p, args[1:])
	case compileVerb:
		return compiler.Main(args[1:], p.stdin, p.stderr)
	}
	for _, s := range subcommands() {
		if s.name == args[0] {
			return s.run(ctx, p, args[1:])
		}
	}
	return p.fail(exitUsage, "%q is not a subcommand; happn-host help lists them", args[0])
}

func help(ctx context.Context, p *process, args []string) int {
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") && args[0] != "help" {
		return run(ctx, p, []string{args[0], "--help"})
	}
	writeOverview(p.stdout)
	return exitOK
}

func writeOverview(w io.Writer) {
	fmt.Fprint(w, "happn-host keeps JSON documents on paths, publishes their changes, and is extended by Wasm modules.\n\n"+
		"Usage: happn-host <subcommand> [flags]\n\n")
	for _, s := range subcommands() {
		fmt.Fprintf(w, "  %-14s %s\n", s.name, s.short)
	}
	fmt.Fprint(w, "  help           explain a subcommand\n\n"+
		"Start with: happn-host serve\n")
}

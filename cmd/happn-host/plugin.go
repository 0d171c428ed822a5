package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/happn-host/happn-host/host/plugin/build"
)

const pluginUsage = `Usage: happn-host plugin build [flags] folder...

Compiles plugins written in Go, with the standard toolchain, and puts each one's manifest into its
module. A folder holds a main package and manifest.json. A host that watches the output folder takes
the module up at once.

  --out folder       where the modules are put (default ./plugins)
  --operator-file    also copy <name>.yaml, unless the output folder has one
`

func pluginCommand(ctx context.Context, p *process, args []string) int {
	if len(args) == 0 || args[0] == "--help" || args[0] == "-h" {
		fmt.Fprint(p.stdout, pluginUsage)
		return exitOK
	}
	if args[0] != "build" {
		return p.fail(exitUsage, "plugin cannot %q, it can build; see happn-host help plugin", args[0])
	}
	flags := newFlags("plugin")
	out := flags.String("out", "plugins", "")
	operatorFile := flags.Bool("operator-file", false, "")
	if code, done := p.parseWithArguments(flags, args[1:], pluginUsage); done {
		return code
	}
	if flags.NArg() == 0 {
		return p.fail(exitUsage, "plugin build needs the folder of a plugin; see happn-host help plugin")
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	for _, dir := range flags.Args() {
		module, err := build.Build(ctx, build.Options{Dir: dir, Out: *out, OperatorFile: *operatorFile})
		if err != nil {
			return p.fail(exitFailed, "cannot build %s: %s", dir, err)
		}
		fmt.Fprintf(p.stdout, "built %s\n", module)
	}
	return exitOK
}

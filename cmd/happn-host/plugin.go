package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/happn-host/happn-host/host/plugin/build"
	"github.com/happn-host/happn-host/host/plugin/hook"
	"github.com/happn-host/happn-host/host/plugin/scaffold"
)

const pluginUsage = `Usage: happn-host plugin new [--kind kind] folder
       happn-host plugin build [flags] folder...
       happn-host plugin keygen file
       happn-host plugin sign --key file module...
       happn-host plugin verify module...
       happn-host plugin list
       happn-host plugin show name
       happn-host plugin enable|disable|reload|promote|rollback name
       happn-host plugin logs [--lines n] [--follow] name

Begins and builds plugins, and manages those of a running host, by their names or those of their files.

  new        write the sources of a plugin in Go into a new folder, which gives it its name: a hook that
             works, the manifest, the operator's file, a test and a benchmark
  build      compile plugins written in Go, with the standard toolchain, and put each one's manifest into
             its module. A folder holds a main package and manifest.json. A host that watches the output
             folder takes the module up at once
  keygen     make a key that signs plugins: the file is secret, the public key is printed, for plugins.trust
  sign       sign modules, in place; a host that watches their folder takes them up
  verify     tell who has signed modules, by public keys
  list       show the plugins with their states and, where they do not run as they should, the reasons
  show       show everything that is known of a plugin, as JSON
  enable     run a plugin that was disabled
  disable    end a plugin until it is enabled, also over restarts
  reload     load the files of a plugin again, though they have not changed; a canary that was rolled back
             is tried again
  promote    put the canary of a plugin, name.canary.wasm, in the place of name.wasm now
  rollback   end the canary of a plugin: every session sees name.wasm, and the canary is not tried again
             before its content changes
  logs       show what happened to a plugin last, and what it logged

  --kind kind        of the hook: inbound (default), outbound, event, service, http, tick or protocol
  --out folder       where build puts the modules (default ./plugins)
  --module file      have build add the manifest of a folder to a module that other tools have
                     compiled, in place of compiling the folder
  --key file         that signs, as keygen has made it
  --operator-file    have build also copy <name>.yaml, unless the output folder has one
  --lines n          show so many lines at most (default 100)
  --follow           go on showing lines until interrupted
` + credentialsUsage

func pluginCommand(ctx context.Context, p *process, args []string) int {
	if len(args) > 0 {
		switch args[0] {
		case "new":
			return newPlugin(p, args[1:])
		case "build":
			return buildPlugins(ctx, p, args[1:])
		case "keygen":
			return makePluginKey(p, args[1:])
		case "sign":
			return signPlugins(p, args[1:])
		case "verify":
			return verifyPlugins(p, args[1:])
		}
	}
	a, flags := &administration{}, newFlags("plugin")
	flags.IntVar(&a.flags.lines, "lines", 100, "")
	flags.BoolVar(&a.flags.follow, "follow", false, "")
	one := func(run func(ctx context.Context, a *administration) error) verb {
		return verb{needs: "the name of a plugin", least: 1, most: 1, run: run}
	}
	return p.administer(ctx, pluginUsage, map[string]verb{
		"new":      {}, // carried out above, as the next ones
		"build":    {},
		"keygen":   {},
		"sign":     {},
		"verify":   {},
		"list":     {run: listPlugins},
		"show":     one(showPlugin),
		"enable":   one(enablePlugin),
		"disable":  one(disablePlugin),
		"reload":   one(reloadPlugin),
		"promote":  one(promotePlugin),
		"rollback": one(rollbackPlugin),
		"logs":     one(showPluginLog),
	}, flags, a, args)
}

func buildPlugins(ctx context.Context, p *process, args []string) int {
	flags := newFlags("plugin")
	out := flags.String("out", "plugins", "")
	compiled := flags.String("module", "", "")
	operatorFile := flags.Bool("operator-file", false, "")
	if code, done := p.parseWithArguments(flags, args, pluginUsage); done {
		return code
	}
	if flags.NArg() == 0 {
		return p.fail(exitUsage, "plugin build needs the folder of a plugin; see happn-host help plugin")
	}
	if *compiled != "" && flags.NArg() > 1 {
		return p.fail(exitUsage, "plugin build --module is for one folder; see happn-host help plugin")
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	for _, dir := range flags.Args() {
		module, err := build.Build(ctx, build.Options{Dir: dir, Module: *compiled, Out: *out, OperatorFile: *operatorFile})
		if err != nil {
			return p.fail(exitFailed, "cannot build %s: %s", dir, err)
		}
		fmt.Fprintf(p.stdout, "built %s\n", module)
	}
	return exitOK
}

func newPlugin(p *process, args []string) int {
	flags := newFlags("plugin")
	kind := flags.String("kind", string(hook.KindInbound), "")
	if code, done := p.parseWithArguments(flags, args, pluginUsage); done {
		return code
	}
	if flags.NArg() != 1 {
		return p.fail(exitUsage, "plugin new needs a new folder; see happn-host help plugin")
	}
	dir := flags.Arg(0)
	files, err := scaffold.Write(scaffold.Options{Dir: dir, Kind: hook.Kind(*kind)})
	if err != nil {
		return p.fail(exitFailed, "%s", err)
	}
	for _, file := range files {
		fmt.Fprintf(p.stdout, "wrote %s\n", file)
	}
	fmt.Fprintf(p.stdout, "\ntest it:  cd %s && go test .\nbuild it: happn-host plugin build --operator-file %[1]s\n", filepath.Clean(dir))
	return exitOK
}

package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/happn-host/happn-host/host/config"
)

// newFlags returns a flag set that reports, and never prints or exits by itself.
func newFlags(name string) *pflag.FlagSet {
	flags := pflag.NewFlagSet(name, pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	return flags
}

// parse reads the args of a command that takes flags only. When done is true the
// command is over and ends with code: its help was asked for, or args are wrong.
func (p *process) parse(flags *pflag.FlagSet, args []string, usage string) (code int, done bool) {
	code, done = p.parseWithArguments(flags, args, usage)
	switch {
	case done || flags.NArg() == 0:
		return code, done
	case flags.Arg(0) == "true" || flags.Arg(0) == "false":
		return p.fail(exitUsage, "does not know what to do with %q; a switch is written with =, as in --shutdown.reconnect=false", flags.Arg(0)), true
	default:
		return p.fail(exitUsage, "does not know what to do with %q; see happn-host help %s", withoutPassword(flags.Arg(0)), flags.Name()), true
	}
}

// withoutPassword is an argument for people: of a URL without who connects.
func withoutPassword(arg string) string {
	scheme, rest, isURL := strings.Cut(arg, "://")
	if at := strings.LastIndexByte(rest, '@'); isURL && at >= 0 {
		return scheme + "://***" + rest[at:]
	}
	return arg
}

// parseWithArguments is parse for a command that takes more than flags.
func (p *process) parseWithArguments(flags *pflag.FlagSet, args []string, usage string) (code int, done bool) {
	err := flags.Parse(args)
	var unknown *pflag.NotExistError
	switch {
	case errors.Is(err, pflag.ErrHelp):
		fmt.Fprint(p.stdout, usage)
		return exitOK, true
	case errors.As(err, &unknown) && len(unknown.GetSpecifiedName()) > 1:
		return p.fail(exitUsage, "flag --%s is not known%s (see happn-host help %s)",
			unknown.GetSpecifiedName(), nearestFlag(flags, unknown.GetSpecifiedName()), flags.Name()), true
	case err != nil:
		return p.fail(exitUsage, "%s; see happn-host help %s", err, flags.Name()), true
	}
	return exitOK, false
}

// nearestFlag names the flag that was probably meant, for commands that take the
// keys of the configuration as flags.
func nearestFlag(flags *pflag.FlagSet, name string) string {
	near := config.NearestFlag(name)
	if flags.Lookup(near) == nil {
		return ""
	}
	return "; did you mean --" + near + "?"
}

// configFlags are --config and a flag for every key and alias.
type configFlags struct {
	set  *pflag.FlagSet
	file string
	own  []string // flags of the command that are no keys
	// named returns variables of the environment that flags name, which are no
	// keys either; nil is none.
	named func() []string
}

func newConfigFlags(name string) *configFlags {
	f := &configFlags{set: newFlags(name)}
	f.set.StringVar(&f.file, "config", "", "")
	for _, k := range config.Reference() {
		for _, flag := range append([]string{k.Flag}, k.Aliases...) {
			f.set.String(flag, "", "")
			if k.Type == "switch" {
				f.set.Lookup(flag).NoOptDefVal = "true"
			}
		}
	}
	return f
}

// load parses args and loads the configuration that they, the environment and
// the file describe.
func (p *process) load(f *configFlags, args []string, usage string) (c config.Config, code int, done bool) {
	if code, done := p.parse(f.set, args, usage); done {
		return c, code, true
	}
	given := map[string]string{}
	f.set.Visit(func(flag *pflag.Flag) {
		if flag.Name != "config" && !slices.Contains(f.own, flag.Name) {
			given[flag.Name] = flag.Value.String()
		}
	})
	notKeys := credentialVariables()
	if f.named != nil {
		notKeys = append(notKeys, f.named()...)
	}
	c, err := config.Load(config.Sources{File: f.file, Env: p.environ, NotKeys: notKeys, Flags: given})
	if err != nil {
		p.reportMistakes(err)
		return c, exitUsage, true
	}
	return c, exitOK, false
}

// reportMistakes lists every mistake in the configuration.
func (p *process) reportMistakes(err error) {
	mistakes := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		mistakes = joined.Unwrap()
	}
	count := fmt.Sprintf("%d mistakes", len(mistakes))
	if len(mistakes) == 1 {
		count = "a mistake"
	}
	fmt.Fprintf(p.stderr, "happn-host: the configuration has %s:\n", count)
	for _, m := range mistakes {
		fmt.Fprintf(p.stderr, "  %s\n", m)
	}
}

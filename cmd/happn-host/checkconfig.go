package main

import (
	"context"
	"fmt"

	"github.com/happn-host/happn-host/host"
)

const checkConfigUsage = `Usage: happn-host check-config [--config file] [--<key> value ...]

Loads the configuration exactly as serve would (file, then HAPPN_* environment, then flags), reports
every mistake, and lists the settings that differ from their defaults. Starts nothing.
Exits with 2 when there is a mistake.
`

func checkConfig(_ context.Context, p *process, args []string) int {
	c, code, done := p.load(newConfigFlags("check-config"), args, checkConfigUsage)
	if done {
		return code
	}
	if err := host.Check(c); err != nil {
		p.reportMistakes(err)
		return exitUsage
	}
	changed := c.Changed()
	if len(changed) == 0 {
		fmt.Fprintln(p.stdout, "the configuration is fine; every key has its default")
		return exitOK
	}
	fmt.Fprintln(p.stdout, "the configuration is fine; these keys differ from their defaults:")
	for _, s := range changed {
		fmt.Fprintf(p.stdout, "  %s: %s (default %s)\n", s.Name, orEmpty(s.Value), orEmpty(s.Default))
	}
	return exitOK
}

func orEmpty(s string) string {
	if s == "" {
		return "empty"
	}
	return s
}

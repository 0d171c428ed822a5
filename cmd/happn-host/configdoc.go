package main

import (
	"context"

	"github.com/happn-host/happn-host/host/config"
)

const configDocUsage = `Usage: happn-host config-doc [--yaml]

Prints the reference of every configuration key: type, default, bounds, environment variable, flag
and meaning, as Markdown.

  --yaml   print an example file instead, every key commented out with its default
`

func configDoc(_ context.Context, p *process, args []string) int {
	flags := newFlags("config-doc")
	asYAML := flags.Bool("yaml", false, "")
	if code, done := p.parse(flags, args, configDocUsage); done {
		return code
	}
	write := config.WriteMarkdown
	if *asYAML {
		write = config.WriteYAML
	}
	if err := write(p.stdout); err != nil {
		return p.fail(exitFailed, "cannot print: %s", err)
	}
	return exitOK
}

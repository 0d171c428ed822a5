package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/happn-host/happn-host/host"
)

func listPlugins(ctx context.Context, a *administration) error {
	var all []host.PluginRecord
	err := a.request(ctx, http.MethodGet, nil, nil, &all, "plugins")
	for _, p := range all {
		kinds := make([]string, len(p.Hooks))
		for i, k := range p.Hooks {
			kinds[i] = string(k)
		}
		_ = a.say("%-24s %-12s %-10s %-10s %s", p.Name, cmp.Or(p.Version, "-"), p.State, cmp.Or(strings.Join(kinds, "+"), "-"), printable(p.Reason))
		if c := p.Canary; c != nil {
			_ = a.say("  canary %-15s %-12s %-11s %s", shareOf(c), cmp.Or(c.Version, "-"), c.State, canarySays(c))
		}
	}
	return err
}

func showPlugin(ctx context.Context, a *administration) error {
	var plugin json.RawMessage
	if err := a.request(ctx, http.MethodGet, nil, nil, &plugin, "plugins", a.args[0]); err != nil {
		return err
	}
	return a.show(plugin)
}

func enablePlugin(ctx context.Context, a *administration) error { return a.toPlugin(ctx, "enable") }

func disablePlugin(ctx context.Context, a *administration) error { return a.toPlugin(ctx, "disable") }

func reloadPlugin(ctx context.Context, a *administration) error { return a.toPlugin(ctx, "reload") }

func promotePlugin(ctx context.Context, a *administration) error { return a.toPlugin(ctx, "promote") }

func rollbackPlugin(ctx context.Context, a *administration) error { return a.toPlugin(ctx, "rollback") }

// shareOf writes how many sessions see a canary, as far as that is known.
func shareOf(c *host.CanaryRecord) string {
	if c.Share == 0 {
		return "-"
	}
	return strconv.Itoa(c.Share) + " %"
}

// canarySays is how a canary does, or why it does nothing.
func canarySays(c *host.CanaryRecord) string {
	if c.Reason != "" || c.Since == nil {
		return printable(c.Reason)
	}
	text := fmt.Sprintf("since %s: %d calls, %d failed, %d refused", c.Since.Format(time.RFC3339), c.Calls, c.Errors+c.Traps+c.Skipped, c.Refused)
	if c.PromoteAfter != "" {
		text += "; promoted after " + c.PromoteAfter + " without trouble"
	}
	return text
}

// toPlugin has the host do something to a plugin, and tells how it is then.
func (a *administration) toPlugin(ctx context.Context, what string) error {
	var p host.PluginRecord
	if err := a.request(ctx, http.MethodPost, nil, nil, &p, "plugins", a.args[0], what); err != nil {
		return err
	}
	state := string(p.State)
	if p.Reason != "" {
		state += ": " + printable(p.Reason)
	}
	if err := a.say("plugin %s is %s", strings.TrimSpace(p.Name+" "+p.Version), state); err != nil || p.Canary == nil {
		return err
	}
	return a.say("its canary %s is %s", cmp.Or(p.Canary.Version, p.Canary.File), strings.TrimSuffix(string(p.Canary.State)+": "+canarySays(p.Canary), ": "))
}

// followPause is how long logs waits before it asks for further lines.
const followPause = time.Second

func showPluginLog(ctx context.Context, a *administration) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	after, lines := uint64(0), a.flags.lines
	for {
		var page []host.PluginLogLine
		parameters := query("lines", strconv.Itoa(lines), "after", strconv.FormatUint(after, 10))
		err := a.request(ctx, http.MethodGet, parameters, nil, &page, "plugins", a.args[0], "logs")
		if err != nil {
			return unlessInterrupted(ctx, err)
		}
		for _, l := range page {
			times := ""
			if l.Times > 1 {
				times = " (" + strconv.Itoa(l.Times) + " times)"
			}
			if err := a.say("%s %-5s %-5s %s%s", l.Time.UTC().Format(time.RFC3339), l.Level, l.Source, printable(l.Text), times); err != nil {
				return err
			}
			after = l.Number
		}
		if !a.flags.follow {
			return nil
		}
		lines = 1000
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(followPause):
		}
	}
}

// unlessInterrupted returns err, but nil if the user wants to see no more.
func unlessInterrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// printable returns text without what would move a terminal's cursor, since a
// plugin may have written it. Further lines stand under the first.
func printable(text string) string {
	safe := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsPrint(r), r == '\n':
			return r
		case r == '\t':
			return ' '
		}
		return '\uFFFD'
	}, text)
	return strings.ReplaceAll(strings.TrimRight(safe, "\n"), "\n", "\n    ")
}

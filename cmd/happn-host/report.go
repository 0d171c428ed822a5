package main

import (
	"encoding/json"
	"fmt"
	"log/slog"

	"github.com/happn-host/happn-host/host/config"
)

// newLogger logs to standard error, so that standard output stays a report that
// a program can read.
func newLogger(p *process, c config.Log) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo // the configuration was checked: cannot happen
	}
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(p.stderr, options))
	}
	return slog.New(slog.NewTextHandler(p.stderr, options))
}

// report prints a step of the host's life to standard output, in the form of the
// start summary.
func (p *process) report(format, event, detail string) {
	if format == "json" {
		line, _ := json.Marshal(struct { // two texts cannot fail
			Event  string `json:"event"`
			Detail string `json:"detail"`
		}{event, detail})
		fmt.Fprintf(p.stdout, "%s\n", line)
		return
	}
	fmt.Fprintf(p.stdout, "%s: %s\n", event, detail)
}

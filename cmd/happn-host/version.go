package main

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set by the linker for releases: -ldflags "-X main.version=v1.2.3".
// It is a variable only because the linker can set nothing else.
var version string

const versionUsage = `Usage: happn-host version [--json]

Prints the version of the program, the commit it was built from and the Go release that built it.

  --json   print an object instead of a line
`

// provenance says what this program was built from.
type provenance struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Time     string `json:"time,omitempty"` // of the commit
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func currentBuild() provenance {
	b := provenance{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				b.Commit = s.Value
			case "vcs.time":
				b.Time = s.Value
			case "vcs.modified":
				b.Modified = s.Value == "true"
			}
		}
		if b.Version == "" && info.Main.Version != "(devel)" {
			b.Version = info.Main.Version
		}
	}
	if b.Version == "" {
		b.Version = "devel"
	}
	return b
}

func (b provenance) String() string {
	s := "happn-host " + b.Version
	if b.Commit != "" {
		s += " commit " + b.Commit[:min(12, len(b.Commit))]
		if b.Modified {
			s += " with changes"
		}
	}
	return s + " " + b.Go + " " + b.Platform
}

func printVersion(_ context.Context, p *process, args []string) int {
	flags := newFlags("version")
	asJSON := flags.Bool("json", false, "")
	if code, done := p.parse(flags, args, versionUsage); done {
		return code
	}
	if !*asJSON {
		fmt.Fprintln(p.stdout, currentBuild())
		return exitOK
	}
	if err := json.NewEncoder(p.stdout).Encode(currentBuild()); err != nil {
		return p.fail(exitFailed, "cannot print: %s", err)
	}
	return exitOK
}

package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/happn-host/happn-host/datastore/migrate"
)

// writeReport prints what was found and done.
func writeReport(w io.Writer, r *migrate.Report, flags *migrateFlags) {
	fmt.Fprintf(w, "%s %s: %s (%d bytes)\n", r.Origin.Kind, r.Origin.Name, counted(int(r.Documents), "document"), r.Bytes)
	for _, note := range r.Origin.Notes {
		fmt.Fprintf(w, "  note: %s\n", note)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Tops)) {
		fmt.Fprintf(w, "  %-30s %10d documents %14d bytes\n", name, r.Tops[name].Documents, r.Tops[name].Bytes)
	}
	for _, line := range []struct {
		n    int64
		says string
	}{
		{r.Excluded, "left out by --only and --exclude"},
		{r.Own, "left out: what the source's store notes about itself"},
		{r.New, "new to the target"},
		{r.Same, "in the target already"},
		{r.Replaced, "replace another one in the target"},
		{r.Kept, "give way to another one in the target"},
		{r.Conflicts, "would replace another one in the target"},
		{r.Refused, "cannot be stored"},
		{r.Unsettable, "on paths that clients can read but not write"},
	} {
		if line.n > 0 {
			fmt.Fprintf(w, "%10d %s\n", line.n, line.says)
		}
	}
	for _, remark := range slices.Sorted(maps.Keys(r.Remarks)) {
		fmt.Fprintf(w, "%10d %s\n", r.Remarks[remark], remark)
	}
	for _, path := range r.ConflictPaths {
		fmt.Fprintf(w, "  in the way: %s\n", path)
	}
	writeRefusals(w, "refused", r.Refusals)
	if flags.dryRun {
		fmt.Fprintln(w, "this was a dry run: nothing is copied")
		return
	}
	fmt.Fprintf(w, "%s stored\n", counted(int(r.Stored), "document"))
	if r.Verified > 0 || r.Differing > 0 {
		fmt.Fprintf(w, "%s verified, %d differ\n", counted(int(r.Verified), "document"), r.Differing)
	}
	writeRefusals(w, "differs", r.Differences)
}

func writeRefusals(w io.Writer, what string, all []migrate.Refusal) {
	for _, one := range all {
		place := one.Place.String()
		if place != "" {
			place = " (" + place + ")"
		}
		fmt.Fprintf(w, "  %s: %q%s: %s\n", what, one.Path, place, one.Why)
	}
}

// progress shows how far a copy got: a bar for a person, a line now and then for
// a log.
type progress struct {
	w     io.Writer
	bar   bool
	every time.Duration
	shown time.Time
	phase migrate.Phase
	begun time.Time
	open  bool // the bar's line has no end yet
}

func newProgress(w io.Writer) *progress {
	p := &progress{w: w, bar: terminal(w), every: 10 * time.Second}
	if p.bar {
		p.every = 100 * time.Millisecond
	}
	return p
}

const barWidth = 30

func (p *progress) tell(at migrate.Progress) {
	now := time.Now()
	if at.Phase != p.phase {
		p.end()
		p.phase, p.begun, p.shown = at.Phase, now, now
	} else if now.Sub(p.shown) < p.every {
		return
	}
	p.shown = now
	line := fmt.Sprintf("%s: %s", at.Phase, counted(int(at.Documents), "document"))
	part := 0.0
	switch {
	case at.Origin.Bytes > 0:
		part = float64(at.Read) / float64(at.Origin.Bytes)
	case at.Origin.Documents > 0:
		part = float64(at.Documents) / float64(at.Origin.Documents)
	}
	if part = min(1, part); at.Origin.Bytes > 0 || at.Origin.Documents > 0 {
		line += fmt.Sprintf(", %3.0f%%", 100*part)
	}
	if seconds := now.Sub(p.begun).Seconds(); seconds > 0.5 {
		line += fmt.Sprintf(", %.0f a second", float64(at.Documents)/seconds)
	}
	if !p.bar {
		fmt.Fprintln(p.w, line)
		return
	}
	full := int(part * barWidth)
	fmt.Fprintf(p.w, "\r[%s%s] %-60s", strings.Repeat("#", full), strings.Repeat(".", barWidth-full), line)
	p.open = true
}

// end ends the bar's line.
func (p *progress) end() {
	if p.open {
		fmt.Fprintln(p.w)
		p.open = false
	}
}

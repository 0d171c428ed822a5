package plugin

import (
	"time"

	"github.com/happn-host/happn-host/host/plugin/limit"
)

// noticed is how long who finds all instances busy waits before the operator hears of
// it. Below that a busy host has nothing to tell.
const noticed = 10 * time.Millisecond

// crowd is told of those who found all instances busy: how long they waited, and whether
// they got one in the end.
type crowd func(waited time.Duration, got bool)

// got tells of somebody who has waited since then for any instance.
func (c crowd) got(since time.Time, only *slot) {
	if waited := time.Since(since); only == nil && waited >= noticed {
		c(waited, true)
	}
}

// crowded counts who waited for an instance, and tells the operator unless the error of
// who got none does.
func (g *generation) crowded(waited time.Duration, got bool) {
	if !got {
		g.refused.Add(limit.Instances)
		return
	}
	limits := &g.manifest.Limits
	g.tell(limits.Over(limit.Instances, nil, "%d instances would be busy at once, so that a message waited for %s", limits.Instances+1, waited.Round(time.Millisecond)))
}

// Command business-hours is a profile: it says what users may do within and
// outside of business hours. See README.md.
package main

import (
	"time"
	_ "time/tzdata" // a guest has no files to read them from

	"github.com/happn-host/happn-host/plugins/sdk"
)

func init() {
	p := &profile{now: time.Now}
	sdk.Register(p.plugin())
}

func main() {}

func (p *profile) plugin() sdk.Plugin {
	return sdk.Plugin{Init: p.configure, Profile: p.decide}
}

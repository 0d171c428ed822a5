// Command rate-limit is an inbound layer that bounds how many requests a user
// makes. See README.md.
package main

import (
	"time"

	"github.com/happn-host/happn-host/plugins/sdk"
)

func init() {
	l := &limiter{now: time.Now}
	sdk.Register(l.plugin())
}

func main() {}

func (l *limiter) plugin() sdk.Plugin {
	return sdk.Plugin{Init: l.configure, Inbound: l.admit}
}

// Command redact-role is an outbound layer that hides fields from clients whose
// user is in none of the groups that may see them. See README.md.
package main

import (
	"time"

	"github.com/happn-host/happn-host/plugins/sdk"
)

func init() {
	r := &redactor{now: time.Now}
	sdk.Register(r.plugin())
}

func main() {}

func (r *redactor) plugin() sdk.Plugin {
	return sdk.Plugin{Init: r.configure, Outbound: r.redact}
}

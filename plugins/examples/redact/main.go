// Command redact is an outbound layer that removes or masks fields of what
// clients receive. See README.md.
package main

import "github.com/happn-host/happn-host/plugins/sdk"

func init() {
	r := &redactor{}
	sdk.Register(r.plugin())
}

func main() {}

func (r *redactor) plugin() sdk.Plugin {
	return sdk.Plugin{Init: r.configure, Outbound: r.redact}
}

// Command validate is an inbound layer that refuses sets whose data lacks what
// the operator's rules ask for. See README.md.
package main

import "github.com/happn-host/happn-host/plugins/sdk"

func init() {
	v := &validator{}
	sdk.Register(v.plugin())
}

func main() {}

func (v *validator) plugin() sdk.Plugin {
	return sdk.Plugin{Init: v.configure, Inbound: v.check}
}

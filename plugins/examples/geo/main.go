// Command geo adds $near and $geoWithin to criteria. See README.md.
package main

import "github.com/happn-host/happn-host/plugins/sdk"

func init() {
	g := &geo{}
	sdk.Register(g.plugin())
}

func main() {}

func (g *geo) plugin() sdk.Plugin { return sdk.Plugin{Operator: g.operator} }

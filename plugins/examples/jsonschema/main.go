// Command jsonschema is an inbound layer that refuses sets whose data does not
// satisfy the JSON Schemas of their paths. See README.md.
package main

import "github.com/happn-host/happn-host/plugins/sdk"

func init() {
	c := &checker{}
	sdk.Register(c.plugin())
}

func main() {}

func (c *checker) plugin() sdk.Plugin {
	return sdk.Plugin{Init: c.configure, Inbound: c.check}
}

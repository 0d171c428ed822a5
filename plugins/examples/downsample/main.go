// Command downsample keeps averages of readings, by schedule. See README.md.
package main

import "github.com/happn-host/happn-host/plugins/sdk"

func init() {
	d := &downsampler{}
	sdk.Register(d.plugin())
}

func main() {}

func (d *downsampler) plugin() sdk.Plugin {
	return sdk.Plugin{Init: d.configure, Tick: d.tick}
}

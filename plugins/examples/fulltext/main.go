// Command fulltext adds the query fulltext to criteria. See README.md.
package main

import "github.com/happn-host/happn-host/plugins/sdk"

func init() {
	f := &fulltext{}
	sdk.Register(f.plugin())
}

func main() {}

func (f *fulltext) plugin() sdk.Plugin {
	return sdk.Plugin{Init: f.configure, Event: f.event, Search: f.search}
}

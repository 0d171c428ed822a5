// Command webhook turns HTTP posts into sets. See README.md.
package main

import "github.com/happn-host/happn-host/plugins/sdk"

func init() {
	h := &hook{}
	sdk.Register(h.plugin())
}

func main() {}

func (h *hook) plugin() sdk.Plugin {
	return sdk.Plugin{Init: h.configure, HTTP: h.receive}
}

// Command line speaks a line protocol over TCP and websockets. See README.md.
package main

import "github.com/happn-host/happn-host/plugins/sdk"

func init() { sdk.Register(plugin()) }

func main() {}

func plugin() sdk.Plugin { return sdk.Plugin{Init: configure, Protocol: speak} }

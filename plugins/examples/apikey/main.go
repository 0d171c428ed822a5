// Command apikey is an authentication provider: devices log in with keys that are
// signed, and that an administrator takes back by removing a document. See
// README.md.
package main

import (
	"time"

	"github.com/happn-host/happn-host/plugins/sdk"
)

func init() {
	p := &provider{now: time.Now}
	sdk.Register(p.plugin())
}

func main() {}

func (p *provider) plugin() sdk.Plugin {
	return sdk.Plugin{Init: p.configure, Auth: p.answer}
}

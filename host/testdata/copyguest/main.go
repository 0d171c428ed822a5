// Command copyguest is a plugin for the tests of host: it writes what it sees
// under other paths, from each of its hooks.
package main

import (
	"bytes"
	"strings"

	"github.com/happn-host/happn-host/plugins/sdk"
)

func init() {
	sdk.Register(sdk.Plugin{Inbound: inbound, Outbound: outbound, Event: event})
}

func main() {}

// inbound stores a copy of each document before the document itself, and
// answers for paths that ask what it may do.
func inbound(m *sdk.Message) sdk.Verdict {
	path := string(m.Path())
	if ask, ok := strings.CutPrefix(path, "/ask"); ok {
		doc, err := sdk.Get(ask)
		if err != nil {
			return sdk.Reject(err.Error())
		}
		m.SetData(doc.Data)
		return sdk.Pass()
	}
	if err := sdk.Set("/in"+path, bytes.Clone(m.Data()), sdk.Write{}); err != nil {
		return sdk.Reject(err.Error())
	}
	return sdk.Pass()
}

// outbound counts publications in a document; each of which is a publication.
func outbound(m *sdk.Message) sdk.Verdict {
	if err := sdk.Set("/out", []byte(`"n"`), sdk.Write{Options: []byte(`{"increment":1}`)}); err != nil {
		return sdk.Fail(err.Error())
	}
	return sdk.Pass()
}

func event(e *sdk.Message) error {
	return sdk.Set("/heard"+string(e.Path()), e.Data(), sdk.Write{})
}

// Command goguest is a plugin for the tests of host/plugin: the first byte of a
// message's path says what it does.
package main

import (
	"os"
	"time"

	"github.com/happn-host/happn-host/plugins/sdk"
)

var kept [][]byte

func init() {
	sdk.Register(sdk.Plugin{
		Init: func(config []byte) error {
			sdk.LogInfo("configured with " + string(config))
			return nil
		},
		Inbound:  act,
		Outbound: act,
	})
}

func main() {}

func act(m *sdk.Message) sdk.Verdict {
	path := m.Path()
	if len(path) < 2 || path[0] != '!' {
		return sdk.Pass()
	}
	switch path[1] {
	case 'd': // data, doubled
		m.SetData([]byte("[" + string(m.Data()) + "," + string(m.Data()) + "]"))
		return sdk.Pass()
	case 'r':
		return sdk.Reject("because")
	case 'f':
		return sdk.Fail("gave up")
	case 'z':
		return sdk.Verdict{}
	case 'p':
		return sdk.Reject(string(path[:cap(path)+1])) // panics
	case 's':
		time.Sleep(time.Hour)
	case 'e':
		os.Exit(0)
	case 'o':
		println("to standard error")
		os.Stdout.WriteString("to standard output\n")
	case 'g': // garbage
		for range 100 {
			_ = append([]byte(nil), make([]byte, 10_000)...)
		}
	case 'm': // all memory there is
		for {
			kept = append(kept, make([]byte, 1<<20))
		}
	case 'n':
		if os.Getenv("HOME") != "" || len(os.Args) > 1 {
			return sdk.Reject("sees the host's environment")
		}
		if _, err := os.ReadFile("/etc/hostname"); err == nil {
			return sdk.Reject("reads the host's files")
		}
		if time.Since(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)) < 0 {
			return sdk.Reject("has no real clock")
		}
	}
	return sdk.Pass()
}

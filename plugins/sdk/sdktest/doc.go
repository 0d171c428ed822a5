// Package sdktest plays the host for a plugin's tests. The same test runs twice:
// against the plugin's Go code, natively, where a debugger works; and against
// the compiled module in the engine of the real host.
//
//	func TestPlugin(t *testing.T) {
//		sdktest.Both(t, newPlugin(), func(t *testing.T, start sdktest.Start) {
//			p := start(`{"limit": 3}`)
//			r := p.Inbound(abi.Record{Action: abi.ActionSet, Path: []byte("/a"), Data: []byte("4")})
//			if r.Verdict != abi.VerdictReject { ... }
//		})
//	}
//
// It imports plugins/sdk, host/plugin and host/plugin/build, and is for tests
// only.
package sdktest

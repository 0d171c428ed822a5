package sdk

import "github.com/happn-host/happn-host/plugins/sdk/internal/hostcall"

// Features returns what the host says of itself and of what the plugin may do, a
// JSON object: the version of the contract (abi), the kinds of hooks that it calls
// (hooks) and the imports that it provides (imports), the plugin's capabilities
// (grants), and the limits that it can keep to (limits: timeoutMs, fuel,
// memoryMiB, outputKiB, hostCalls). A plugin that works with less when less is granted asks
// here, once, in Init. The error is ErrUnsupported outside of a host.
func Features() ([]byte, error) { return hostcall.Features() }

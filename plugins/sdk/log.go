package sdk

import (
	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/plugins/sdk/internal/hostcall"
)

// LogDebug writes a line to the host's log. The host bounds how long a line may
// be and how many there are.
func LogDebug(text string) { hostcall.Log(abi.LogDebug, text) }

// LogInfo is like LogDebug.
func LogInfo(text string) { hostcall.Log(abi.LogInfo, text) }

// LogWarn is like LogDebug.
func LogWarn(text string) { hostcall.Log(abi.LogWarn, text) }

// LogError is like LogDebug.
func LogError(text string) { hostcall.Log(abi.LogError, text) }

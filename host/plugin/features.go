package plugin

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/hook"
	"github.com/happn-host/happn-host/host/plugin/manifest"
)

// Features is what a plugin is told of the host and of what it may do there, as
// import features gives it.
type Features struct {
	// ABI is the version of the contract.
	ABI int `json:"abi"`
	// Hooks are the kinds of hooks that this host calls, Imports what it provides.
	Hooks   []string `json:"hooks"`
	Imports []string `json:"imports"`
	// Grants are the capabilities of the plugin, and Limits what bounds it.
	Grants []manifest.Grant `json:"grants"`
	Limits FeatureLimits    `json:"limits"`
}

// FeatureLimits are the limits that a plugin can do something about.
type FeatureLimits struct {
	TimeoutMS int64 `json:"timeoutMs"` // of one call, in milliseconds
	Fuel      int   `json:"fuel"`      // of one call, in units
	MemoryMiB int   `json:"memoryMiB"`
	OutputKiB int   `json:"outputKiB"`
	HostCalls int   `json:"hostCalls"`
}

// FeaturesOf returns what a plugin with this manifest, merged with the operator's
// file, is told.
func FeaturesOf(m *manifest.Manifest) Features {
	return Features{
		ABI: abi.Version, Hooks: hook.KindNames(), Imports: slices.Sorted(maps.Keys(hostFunctions)), Grants: append([]manifest.Grant{}, m.Grants...),
		Limits: FeatureLimits{m.Limits.Timeout.Milliseconds(), m.Limits.Fuel, m.Limits.MemoryMiB, m.Limits.OutputKiB, m.Limits.HostCalls},
	}
}

func featuresText(m *manifest.Manifest) ([]byte, error) {
	text, err := json.Marshal(FeaturesOf(m))
	if err != nil {
		return nil, fmt.Errorf("describe the host: %w", err)
	}
	return text, nil
}

// features (dst, cap) -> needed length
func hostFeatures(i *instance, stack []uint64) { stack[0] = i.give(i.gen.features, stack) }

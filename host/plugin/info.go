package plugin

import (
	"time"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/hook"
	"github.com/happn-host/happn-host/host/plugin/limit"
	"github.com/happn-host/happn-host/host/plugin/manifest"
	"github.com/happn-host/happn-host/host/plugin/metric"
)

// State says where in its life a plugin is.
type State string

// The states.
const (
	StateDiscovered State = "discovered" // found, and not looked at or compiled yet
	StateRefused    State = "refused"    // the file is no plugin that may run; Reason says why
	StateDisabled   State = "disabled"   // the operator has switched it off
	StateLoading    State = "loading"    // being compiled and warmed for the first time
	StateReady      State = "ready"      // sees messages
	StateDegraded   State = "degraded"   // sees messages, but an instance is being replaced or a newer version was refused
	StateOpen       State = "open"       // failed too often and is left alone; on_error decides about messages
	StateDraining   State = "draining"   // ends; calls in progress are finished

	StateRolledBack State = "rolled-back" // a canary that nobody sees any more; Reason says why
)

// Info describes one plugin at one moment.
type Info struct {
	Name        string
	Version     string
	Description string
	// File is the module's file name within the folder.
	File string
	// Kinds are its hooks.
	Kinds []hook.Kind
	State State
	// Reason says why State is not ready, in one line.
	Reason string
	// LastError is the last fault of the running version, if any.
	LastError string
	// SHA256 names the running version, or the refused one, in hexadecimal.
	SHA256 string
	// Signature says who has signed the module, "" for nobody.
	Signature string
	// Engine is the engine that runs it.
	Engine string
	// Unmetered is set when only its clock ends its calls, as its operator allows.
	Unmetered bool
	// Instances is how many instances are in service, Limits.Instances how many
	// there should be.
	Instances int
	Limits    limit.Set
	Grants    []manifest.Grant
	// Memory is the bytes of all instances together, when they were last looked at.
	Memory int64
	// Listen is where connections come to: tcp:127.0.0.1:7000, websocket:/mqtt.
	Listen      []string
	Connections ConnectionCounts // of all endpoints that it has had
	Endpoints   []EndpointCounts // each of them
	Counts
	// Hooks are the counts of each of Kinds.
	Hooks []HookCounts
	// Canary is the candidate of the next version, nil if there is none.
	Canary *CanaryInfo
	// RolledBack and Promoted are how many canaries were.
	RolledBack, Promoted uint64
	// Metrics are those that the plugin has defined.
	Metrics []metric.Metric
	// Limited is how often it was above a limit since it was found, by the limit's
	// key; those that it never was are left out.
	Limited map[string]uint64
}

// CanaryInfo describes a candidate of a plugin's next version.
type CanaryInfo struct {
	File      string
	Version   string
	SHA256    string
	Signature string
	Engine    string
	Unmetered bool // as of Info
	// State is discovered, loading, ready, refused or rolled-back.
	State  State
	Reason string
	// Share is the percentage of sessions that see it.
	Share int
	// Since is when they began to, zero if they never did.
	Since time.Time
	// PromoteAfter is when it takes the plugin's place by itself, 0 for never.
	PromoteAfter time.Duration
	LastError    string
	Instances    int
	Memory       int64
	Counts
	// Refused is how many calls it ended with REJECT, DROP or CLOSE.
	Refused uint64
	// Hooks are the counts of each of its hooks.
	Hooks []HookCounts
	// Metrics are those that it has defined.
	Metrics []metric.Metric
	// Limited is how often it was above a limit, as Info.Limited.
	Limited map[string]uint64
}

// info describes the canary. The caller holds plugin.mu.
func (t *canary) info() *CanaryInfo {
	c := t.shown
	out := &CanaryInfo{
		File: c.file, Version: c.manifest.Version, SHA256: c.sum, Signature: c.signature, Engine: string(c.engine),
		State: t.state, Reason: t.reason, Share: t.rules.Share, Since: t.since, PromoteAfter: t.rules.PromoteAfter, Counts: t.counts,
	}
	hooks := t.hooks
	if g := t.gen; g != nil && t.state != StateLoading {
		if e := g.lastError.Load(); e != nil {
			out.LastError = *e
		}
		out.Metrics, out.Limited, out.Unmetered = g.defined.All(), g.refused.Counts(), g.unmetered
		if !t.done {
			out.Instances, out.Memory = g.pool.ready(), g.memory()
			out.Counts, hooks = g.sums()
		}
	}
	for _, h := range c.manifest.Hooks {
		sums := hooks[h.Kind.Place()]
		sums.Kind = h.Kind
		out.Hooks = append(out.Hooks, sums)
		out.Refused += sums.Verdicts[abi.VerdictReject] + sums.Verdicts[abi.VerdictDrop] + sums.Verdicts[abi.VerdictClose]
	}
	return out
}

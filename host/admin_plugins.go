package host

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/happn-host/happn-host/host/admin"
	"github.com/happn-host/happn-host/host/config"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/hook"
	"github.com/happn-host/happn-host/host/plugin/manifest"
	"github.com/happn-host/happn-host/host/plugin/signature"
)

// pluginWait bounds how long a change of a plugin is waited for before its state
// is told as it is.
const pluginWait = 20 * time.Second

// pluginStateFile returns where the host keeps what operators do to plugins by
// the API, "" for nowhere.
func (h *Host) pluginStateFile() string {
	if dir := h.dataDir(); dir != "" {
		return filepath.Join(dir, "plugins.json")
	}
	return ""
}

// pluginTrust returns the keys of a configuration that is valid.
func pluginTrust(c config.Plugins) (keys []plugin.TrustedKey) {
	for _, k := range c.Trust {
		if key, err := signature.ParsePublic(k.Key); err == nil {
			keys = append(keys, plugin.TrustedKey{Name: k.Name, Key: key})
		}
	}
	return keys
}

// PluginRecord is a plugin as the management API shows it.
type PluginRecord struct {
	Name        string            `json:"name"`
	Version     string            `json:"version,omitempty"`
	Description string            `json:"description,omitempty"`
	File        string            `json:"file"`
	SHA256      string            `json:"sha256,omitempty"`
	Signature   string            `json:"signature,omitempty"` // who has signed it
	Engine      string            `json:"engine,omitempty"`
	Unmetered   bool              `json:"unmetered,omitempty"` // only its clock ends its calls
	Hooks       []hook.Kind       `json:"hooks"`
	State       plugin.State      `json:"state"`
	Reason      string            `json:"reason,omitempty"`
	LastError   string            `json:"lastError,omitempty"`
	Instances   int               `json:"instances"`
	Limits      PluginLimits      `json:"limits"`
	Limited     map[string]uint64 `json:"limited,omitempty"` // how often it was above a limit, by its key
	Grants      []manifest.Grant  `json:"grants"`

	Calls   uint64 `json:"calls"`
	Errors  uint64 `json:"errors"`
	Traps   uint64 `json:"traps"`
	Skipped uint64 `json:"skipped"`

	Connections *PluginConnections `json:"connections,omitempty"` // of a plugin that speaks protocols
	Endpoints   []PluginEndpoint   `json:"endpoints,omitempty"`   // where they come from, also before the last change

	Canary *CanaryRecord `json:"canary,omitempty"`
}

// CanaryRecord is the candidate of a plugin's next version as the management API
// shows it.
type CanaryRecord struct {
	Version      string       `json:"version,omitempty"`
	File         string       `json:"file"`
	SHA256       string       `json:"sha256,omitempty"`
	Signature    string       `json:"signature,omitempty"`
	Engine       string       `json:"engine,omitempty"`
	Unmetered    bool         `json:"unmetered,omitempty"`
	State        plugin.State `json:"state"`
	Reason       string       `json:"reason,omitempty"`
	LastError    string       `json:"lastError,omitempty"`
	Share        int          `json:"share"`           // percent of sessions
	Since        *time.Time   `json:"since,omitempty"` // when they began to see it
	PromoteAfter string       `json:"promoteAfter,omitempty"`
	Instances    int          `json:"instances"`

	Calls   uint64 `json:"calls"`
	Errors  uint64 `json:"errors"`
	Traps   uint64 `json:"traps"`
	Skipped uint64 `json:"skipped"`
	Refused uint64 `json:"refused"` // calls that it ended with REJECT, DROP or CLOSE

	Limited map[string]uint64 `json:"limited,omitempty"` // as of a plugin
}

// PluginLimits are the limits of a plugin as the management API shows them.
type PluginLimits struct {
	Timeout        string `json:"timeout,omitempty"`
	StartTimeout   string `json:"startTimeout,omitempty"`
	CompileTimeout string `json:"compileTimeout,omitempty"`
	CompileMiB     int    `json:"compileMiB,omitempty"`
	Fuel           int    `json:"fuel,omitempty"`      // units
	StartFuel      int    `json:"startFuel,omitempty"` // units
	Wait           string `json:"wait,omitempty"`
	Waiting        int    `json:"waiting,omitempty"`
	Instances      int    `json:"instances,omitempty"`
	Drain          string `json:"drain,omitempty"`

	ModuleMiB     int `json:"moduleMiB,omitempty"`
	Types         int `json:"types,omitempty"`
	Functions     int `json:"functions,omitempty"`
	Globals       int `json:"globals,omitempty"`
	Tables        int `json:"tables,omitempty"`
	TableElements int `json:"tableElements,omitempty"` // of all tables of an instance
	MemoryMiB     int `json:"memoryMiB,omitempty"`
	StackKiB      int `json:"stackKiB,omitempty"`

	OutputKiB    int `json:"outputKiB,omitempty"`
	Records      int `json:"records,omitempty"` // of one list
	HostCalls    int `json:"hostCalls,omitempty"`
	Searches     int `json:"searches,omitempty"` // open at once, in one call
	LogLines     int `json:"logLines,omitempty"` // a second
	LogLineBytes int `json:"logLineBytes,omitempty"`
	Metrics      int `json:"metrics,omitempty"`
	Series       int `json:"series,omitempty"`  // of one metric
	VarsKiB      int `json:"varsKiB,omitempty"` // of one instance
	Events       int `json:"events,omitempty"`  // that wait
	EventsKiB    int `json:"eventsKiB,omitempty"`
	Timers       int `json:"timers,omitempty"`     // of one connection, as the next
	StateKiB     int `json:"stateKiB,omitempty"`   // kept for another version
	Requests     int `json:"requests,omitempty"`   // that are not answered
	EmittedKiB   int `json:"emittedKiB,omitempty"` // that waits to be carried out
}

// PluginLogLine is a line of a plugin's log as the management API shows it.
type PluginLogLine struct {
	Number uint64    `json:"number"`
	Time   time.Time `json:"time"`
	Level  string    `json:"level"`
	Source string    `json:"source"` // host or guest
	Text   string    `json:"text"`
	Times  int       `json:"times"` // in a row
}

// pluginControl is what the management API does to plugins.
type pluginControl struct{ manager *plugin.Manager }

var _ admin.Plugins = pluginControl{}

// List implements admin.Plugins.
func (c pluginControl) List() any {
	all := []PluginRecord{}
	for _, info := range c.manager.List() {
		all = append(all, recordOf(info))
	}
	return all
}

// Show implements admin.Plugins.
func (c pluginControl) Show(name string) (any, error) {
	info, err := c.manager.Show(name)
	return recordOf(info), refusal(err)
}

// Disable implements admin.Plugins.
func (c pluginControl) Disable(ctx context.Context, name, by string) (any, error) {
	return waited(ctx, func(ctx context.Context) (plugin.Info, error) { return c.manager.Disable(ctx, name, by) })
}

// Enable implements admin.Plugins.
func (c pluginControl) Enable(ctx context.Context, name string) (any, error) {
	return waited(ctx, func(ctx context.Context) (plugin.Info, error) { return c.manager.Enable(ctx, name) })
}

// Reload implements admin.Plugins.
func (c pluginControl) Reload(ctx context.Context, name string) (any, error) {
	return waited(ctx, func(ctx context.Context) (plugin.Info, error) { return c.manager.Reload(ctx, name) })
}

// Promote implements admin.Plugins.
func (c pluginControl) Promote(ctx context.Context, name, by string) (any, error) {
	return waited(ctx, func(ctx context.Context) (plugin.Info, error) { return c.manager.Promote(ctx, name, by) })
}

// Rollback implements admin.Plugins.
func (c pluginControl) Rollback(ctx context.Context, name, by string) (any, error) {
	return waited(ctx, func(ctx context.Context) (plugin.Info, error) { return c.manager.Rollback(ctx, name, by) })
}

// Logs implements admin.Plugins.
func (c pluginControl) Logs(name string, after uint64, lines int) (any, error) {
	found, err := c.manager.Logs(name, after, lines)
	all := []PluginLogLine{}
	for _, l := range found {
		source := "host"
		if l.Guest {
			source = "guest"
		}
		all = append(all, PluginLogLine{Number: l.Number, Time: l.Time, Level: levelName(l.Level), Source: source, Text: l.Text, Times: l.Times})
	}
	return all, refusal(err)
}

func levelName(l slog.Level) string { return strings.ToLower(l.String()) }

func waited(ctx context.Context, change func(ctx context.Context) (plugin.Info, error)) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, pluginWait)
	defer cancel()
	info, err := change(ctx)
	return recordOf(info), refusal(err)
}

// refusal says which status tells of an error.
func refusal(err error) error {
	switch {
	case errors.Is(err, plugin.ErrUnknown):
		return &admin.Refusal{Status: http.StatusNotFound, Message: err.Error()}
	case errors.Is(err, plugin.ErrCannotRun), errors.Is(err, plugin.ErrRequired), errors.Is(err, plugin.ErrNoCanary), errors.Is(err, plugin.ErrNotPromoted):
		return &admin.Refusal{Status: http.StatusConflict, Message: err.Error()}
	}
	return err
}

func recordOf(i plugin.Info) PluginRecord {
	l := &i.Limits
	out := PluginRecord{
		Name: i.Name, Version: i.Version, Description: i.Description, File: i.File, SHA256: i.SHA256, Signature: i.Signature, Engine: i.Engine, Unmetered: i.Unmetered,
		Hooks: append([]hook.Kind{}, i.Kinds...), State: i.State, Reason: i.Reason, LastError: i.LastError,
		Instances: i.Instances, Limited: i.Limited, Grants: append([]manifest.Grant{}, i.Grants...),
		Limits: PluginLimits{
			Timeout: lasting(l.Timeout), StartTimeout: lasting(l.StartTimeout), CompileTimeout: lasting(l.CompileTimeout), CompileMiB: l.CompileMiB,
			Fuel: l.Fuel, StartFuel: l.StartFuel, Wait: lasting(l.Wait),
			Waiting: l.Waiting, Instances: l.Instances, Drain: lasting(l.Drain),
			ModuleMiB: l.ModuleMiB, Types: l.Types, Functions: l.Functions, Globals: l.Globals, Tables: l.Tables, TableElements: l.TableElements, MemoryMiB: l.MemoryMiB, StackKiB: l.StackKiB,
			OutputKiB: l.OutputKiB, Records: l.Records, HostCalls: l.HostCalls, Searches: l.Searches, LogLines: l.LogLines, LogLineBytes: l.LogLineBytes,
			Metrics: l.Metrics, Series: l.Series, VarsKiB: l.VarsKiB, Events: l.Events, EventsKiB: l.EventsKiB,
			Timers: l.Timers, StateKiB: l.StateKiB, Requests: l.Requests, EmittedKiB: l.EmittedKiB,
		},
		Calls: i.Calls, Errors: i.Errors, Traps: i.Traps, Skipped: i.Skipped, Canary: canaryRecordOf(i.Canary),
	}
	if len(i.Endpoints) > 0 {
		sum := connectionsOf(i.Connections)
		out.Connections = &sum
	}
	for _, e := range i.Endpoints {
		out.Endpoints = append(out.Endpoints, PluginEndpoint{Place: e.Place, PluginConnections: connectionsOf(e.ConnectionCounts)})
	}
	return out
}

func canaryRecordOf(c *plugin.CanaryInfo) *CanaryRecord {
	if c == nil {
		return nil
	}
	out := &CanaryRecord{
		Version: c.Version, File: c.File, SHA256: c.SHA256, Signature: c.Signature, Engine: c.Engine, Unmetered: c.Unmetered, State: c.State, Reason: c.Reason,
		LastError: c.LastError, Share: c.Share, PromoteAfter: lasting(c.PromoteAfter), Instances: c.Instances,
		Calls: c.Calls, Errors: c.Errors, Traps: c.Traps, Skipped: c.Skipped, Refused: c.Refused, Limited: c.Limited,
	}
	if !c.Since.IsZero() {
		since := c.Since.UTC()
		out.Since = &since
	}
	return out
}

// lasting writes a duration, none for one that is not known.
func lasting(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

package host

import (
	"context"
	"errors"
	"fmt"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/pipeline"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/manifest"
	"github.com/happn-host/happn-host/internal/rawjson"
	"github.com/happn-host/happn-host/security"
	"github.com/happn-host/happn-host/security/permit"
)

// guestPrefix goes before the name of a plugin where it acts as a user does.
const guestPrefix = "plugin:"

// guests implements plugin.Services: what plugins do in the host.
type guests struct{ host *Host }

var (
	_ plugin.Services = guests{}
	_ plugin.Actor    = (*guest)(nil)
	_ pipeline.Rights = (*guestRights)(nil)
)

// PluginServices returns what plugins do in the host, for emulators of plugins.
func (h *Host) PluginServices() plugin.Services { return guests{h} }

// Open implements plugin.Services.
func (g guests) Open(id plugin.Identity) (plugin.Actor, error) {
	rights, err := newGuestRights(id.Permissions)
	if err != nil {
		return nil, err
	}
	return &guest{agent: g.host.pipeline.OpenAgent(pipeline.AgentOptions{
		Name: guestPrefix + id.Plugin, Rights: rights, Deliver: id.Deliver,
	})}, nil
}

// Session implements plugin.Services.
func (g guests) Session(id string) []byte {
	s := g.host.sessions.Get(id)
	if s == nil {
		return nil
	}
	record := openSessions(g).record(s)
	principal := s.Principal()
	if principal == nil || g.host.secured == nil {
		return record
	}
	account, ok := g.host.secured.directory.Account(principal.Username())
	if !ok {
		return record
	}
	out := account.User().AppendJSON([]byte(`{"user":`), true) // with its groups of this moment
	for name, value := range rawjson.Members(record) {
		if string(name) != "user" {
			out = append(append(rawjson.AppendString(append(out, ','), name), ':'), value...)
		}
	}
	return append(out, '}')
}

// Reads implements plugin.Services.
func (guests) Reads(permissions map[string]manifest.Permission) (func(path []byte) bool, error) {
	rights, err := newGuestRights(permissions)
	if err != nil {
		return nil, err
	}
	return func(path []byte) bool { return rights.MayAsk(abi.ActionGet, path) }, nil
}

// guestRights are what a plugin's permissions let it do. As for users, a
// permission for everything does not cover what is the host's own.
type guestRights struct{ all, system *permit.Set }

func newGuestRights(permissions map[string]manifest.Permission) (*guestRights, error) {
	all := security.Permissions{}
	for path, p := range permissions {
		allow, err := security.ParseActions(p.Actions)
		if err != nil {
			return nil, fmt.Errorf("permissions: %s: %w", path, err)
		}
		prohibit, err := security.ParseActions(p.Prohibit)
		if err != nil {
			return nil, fmt.Errorf("permissions: %s: %w", path, err)
		}
		all[path] = security.Permission{Allow: allow, Prohibit: prohibit}
	}
	rules := permit.Compile([]security.Permissions{all}, nil)
	nothing := func(string) []string { return nil }
	return &guestRights{all: rules.For(nothing), system: rules.Within(systemPaths).For(nothing)}, nil
}

// systemPaths is where the host keeps what is its own.
const systemPaths = "/_SYSTEM"

// MayAsk implements pipeline.Rights.
func (r *guestRights) MayAsk(action abi.Action, pattern []byte) bool {
	if len(pattern) >= len(systemPaths) && string(pattern[:len(systemPaths)]) == systemPaths {
		return r.system.Decide(guestAction(action), pattern)
	}
	return r.all.Decide(guestAction(action), pattern)
}

// Picks implements pipeline.Rights.
func (r *guestRights) Picks(action abi.Action, pattern []byte) bool {
	return r.all.Picks(guestAction(action), pattern)
}

// guestAction returns the action that permissions name.
func guestAction(action abi.Action) security.Actions {
	switch action {
	case abi.ActionGet, abi.ActionCount:
		return security.Get
	case abi.ActionSet:
		return security.Set
	case abi.ActionRemove:
		return security.Remove
	case abi.ActionOn, abi.ActionOff:
		return security.On
	}
	return security.Any
}

// guest implements plugin.Actor by an agent.
type guest struct {
	agent         *pipeline.Agent
	subscriptions map[string]string // ids by channel
}

// Get implements plugin.Actor.
func (g *guest) Get(ctx context.Context, path, options []byte, doc *abi.Record) (found bool, err error) {
	item, err := g.agent.Get(ctx, path, options)
	switch {
	case errors.Is(err, pipeline.ErrNotFound):
		return false, nil
	case err != nil:
		return false, guestError(err)
	}
	*doc = abi.Record{Path: []byte(item.Path), Data: item.Data, Meta: item.AppendMeta(nil)}
	return true, nil
}

// Find implements plugin.Actor.
func (g *guest) Find(ctx context.Context, path, options []byte, yield func(doc *abi.Record) bool) error {
	var doc abi.Record
	var meta []byte
	return guestError(g.agent.Find(ctx, path, options, func(item *pipeline.Item) bool {
		meta = item.AppendMeta(meta[:0])
		doc = abi.Record{Path: []byte(item.Path), Data: item.Data, Meta: meta}
		return yield(&doc)
	}))
}

// Count implements plugin.Actor.
func (g *guest) Count(ctx context.Context, path, options []byte) (int, error) {
	n, err := g.agent.Count(ctx, path, options)
	return n, guestError(err)
}

// Set implements plugin.Actor.
func (g *guest) Set(ctx context.Context, path, data, options []byte, wait bool) error {
	if wait {
		return guestError(g.agent.Set(ctx, path, data, options))
	}
	return guestError(g.agent.StartSet(ctx, path, data, options))
}

// Publish implements plugin.Actor.
func (g *guest) Publish(ctx context.Context, path, data, options []byte) error {
	return guestError(g.agent.StartSet(ctx, path, data, unstored(options)))
}

// unstored returns the options with noStore set, whatever they said about it.
func unstored(options []byte) []byte {
	out := []byte(`{"noStore":true`)
	for name, value := range rawjson.Members(options) {
		if string(name) != "noStore" {
			out = append(rawjson.AppendString(append(out, ','), name), ':')
			out = append(out, value...)
		}
	}
	return append(out, '}')
}

// Remove implements plugin.Actor.
func (g *guest) Remove(ctx context.Context, path, options []byte, wait bool) (int, error) {
	if wait {
		n, err := g.agent.Remove(ctx, path, options)
		return n, guestError(err)
	}
	return 0, guestError(g.agent.StartRemove(ctx, path, options))
}

// On implements plugin.Actor.
func (g *guest) On(_ context.Context, channel string, options []byte) error {
	if _, ok := g.subscriptions[channel]; ok {
		return nil
	}
	id, err := g.agent.On(channel, options)
	if err != nil {
		return guestError(fmt.Errorf("subscribe to %s: %w", channel, err))
	}
	if g.subscriptions == nil {
		g.subscriptions = map[string]string{}
	}
	g.subscriptions[channel] = id
	return nil
}

// Off implements plugin.Actor.
func (g *guest) Off(_ context.Context, channel string) error {
	id, ok := g.subscriptions[channel]
	if !ok {
		return nil
	}
	delete(g.subscriptions, channel)
	return guestError(g.agent.Off(id))
}

// Close implements plugin.Actor.
func (g *guest) Close() { g.agent.Close() }

// guestError says in the plugins' words what an agent failed with.
func guestError(err error) error {
	kind := error(nil)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pipeline.ErrDenied):
		kind = plugin.ErrDenied
	case errors.Is(err, pipeline.ErrRejected), errors.Is(err, pipeline.ErrCondition):
		kind = plugin.ErrRefused
	case errors.Is(err, pipeline.ErrInvalid):
		kind = plugin.ErrInvalid
	case errors.Is(err, pipeline.ErrLimit):
		kind = plugin.ErrLimit
	default:
		return err
	}
	return fmt.Errorf("%w: %w", kind, err)
}

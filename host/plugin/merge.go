package plugin

import (
	"fmt"
	"strings"
)

// merge gives the operator the last word over a module's manifest, and sets
// what neither of them said. file names the operator's file in errors.
func merge(m *Manifest, o *operatorFile, file string, limits Limits) error {
	m.Limits = m.Limits.within(limits)
	defer func() { m.Limits = m.Limits.fuelled() }()
	m.Grants, m.Permissions, m.Calls, m.Canary = []Grant{GrantLog}, nil, nil, defaultCanary()
	for i := range m.Hooks {
		overrideHook(&m.Hooks[i], Hook{}) // what only an operator may say
	}
	if o == nil {
		return nil
	}
	m.Enabled, m.Required, m.SHA256 = o.Enabled, o.Required, strings.ToLower(o.SHA256)
	m.Canary = o.Canary
	m.Canary.SHA256 = strings.ToLower(m.Canary.SHA256)
	m.Limits = o.Limits.or(m.Limits)
	if o.OnError != "" {
		m.OnError = o.OnError
	}
	if o.Config != nil {
		m.Config = o.Config
	}
	if o.grants {
		m.Grants = o.Grants
	}
	m.Permissions, m.Calls = o.Permissions, o.Calls
	for _, change := range o.Hooks {
		hook := m.hook(change.Kind)
		if hook == nil {
			return fmt.Errorf("%s: hooks: the module has no %s hook", file, change.Kind)
		}
		overrideHook(hook, change)
	}
	return nil
}

// overrideHook replaces what the operator's entry names.
func overrideHook(h *Hook, o Hook) {
	if o.ordered {
		h.Order = o.Order
	}
	if o.Paths != nil {
		h.Paths = o.Paths
	}
	if o.Actions != nil {
		h.Actions = o.Actions
	}
	if o.Kinds != nil {
		h.Kinds = o.Kinds
	}
	if o.OnError != "" {
		h.OnError = o.OnError
	}
	if o.Scope != "" {
		h.Scope = o.Scope
	}
	if o.Data != "" {
		h.Data = o.Data
	}
	h.Event = h.Event.with(o.Event)
	h.Service = h.Service.with(o.Service)
	h.Search = h.Search.with(o.Search)
	h.HTTP = h.HTTP.with(o.HTTP)
	h.Tick = h.Tick.with(o.Tick)
	h.Auth = h.Auth.with(o.Auth)
	h.Protocol = h.Protocol.with(o.Protocol)
}

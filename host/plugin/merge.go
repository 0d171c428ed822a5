package plugin

import (
	"fmt"
	"strings"

	"github.com/happn-host/happn-host/host/plugin/hook"
	"github.com/happn-host/happn-host/host/plugin/limit"
)

// merge gives the operator the last word over a module's manifest, and sets
// what neither of them said. file names the operator's file in errors.
func merge(m *Manifest, o *operatorFile, file string, limits limit.Set) error {
	m.Limits = m.Limits.Within(limits)
	defer func() { m.Limits = m.Limits.Fuelled() }()
	m.Grants, m.Permissions, m.Calls, m.Canary = []Grant{GrantLog}, nil, nil, defaultCanary()
	for i := range m.Hooks {
		m.Hooks[i].Override(hook.Hook{}) // what only an operator may say
	}
	if o == nil {
		return nil
	}
	m.Enabled, m.Required, m.SHA256 = o.Enabled, o.Required, strings.ToLower(o.SHA256)
	m.Canary = o.Canary
	m.Canary.SHA256 = strings.ToLower(m.Canary.SHA256)
	m.Limits = o.Limits.Or(m.Limits)
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
		own := m.hook(change.Kind)
		if own == nil {
			return fmt.Errorf("%s: hooks: the module has no %s hook", file, change.Kind)
		}
		own.Override(change)
	}
	return nil
}

package manifest

import (
	"fmt"
	"strings"

	"github.com/happn-host/happn-host/host/plugin/hook"
	"github.com/happn-host/happn-host/host/plugin/limit"
)

// Merge gives the operator the last word over a module's manifest, and sets
// what neither of them said. o is nil when there is no operator's file, whose name errors
// have.
func (m *Manifest) Merge(o *Operator, file string, limits limit.Set) error {
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
	m.AllowUnmetered = o.AllowUnmetered
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
		own := m.Hook(change.Kind)
		if own == nil {
			return fmt.Errorf("%s: hooks: the module has no %s hook", file, change.Kind)
		}
		own.Override(change)
	}
	return nil
}

// ParseBoth reads a manifest and the operator's file beside it, and gives
// the operator the last word, as the loader does. A file that is nil is not
// there.
func ParseBoth(file string, content []byte, beside string, operator []byte) (*Manifest, error) {
	m, err := Parse(file, content)
	if err != nil {
		return nil, err
	}
	var o *Operator
	if operator != nil {
		if o, err = ParseOperator(beside, operator); err != nil {
			return nil, err
		}
	}
	if err := m.Merge(o, beside, limit.Default()); err != nil {
		return nil, err
	}
	return m, m.CheckGranted(file, beside)
}

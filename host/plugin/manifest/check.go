package manifest

import (
	"fmt"

	"github.com/happn-host/happn-host/host/plugin/hook"
)

// CheckHooks looks at what hooks of their kind must say. file is where they say it.
func (m *Manifest) CheckHooks(file string) error {
	for i := range m.Hooks {
		if err := m.Hooks[i].Check(); err != nil {
			return fmt.Errorf("%s: hooks: %w", file, err)
		}
	}
	return nil
}

// CheckGranted looks at what hooks need of the operator, once the operator's file
// has been merged. The files are those of the module and the operator.
func (m *Manifest) CheckGranted(file, operatorFile string) error {
	if err := m.CheckHooks(operatorFile); err != nil {
		return err
	}
	for i := range m.Hooks {
		h := &m.Hooks[i]
		if g := GrantFor(h.Kind); g != "" && !m.Granted(g) {
			return fmt.Errorf("a hook of kind %s needs the grant %q: add it to grants in %s", h.Kind, g, operatorFile)
		}
		if h.Protocol != nil && len(h.Protocol.Listen) == 0 {
			return fmt.Errorf("%s: hooks: a protocol hook needs listen, such as [{tcp: \"127.0.0.1:7000\"}]", operatorFile)
		}
		if h.Tick != nil && h.Tick.Every == 0 && h.Tick.Cron == "" {
			return fmt.Errorf("%s: hooks: a tick hook needs every, such as 10s, or cron, such as \"0 6 * * *\"", operatorFile)
		}
	}
	return m.checkAuth(file, operatorFile)
}

// checkAuth looks at what an authentication hook must say.
func (m *Manifest) checkAuth(file, operator string) error {
	h := m.Hook(hook.KindAuth)
	switch {
	case h == nil:
		return nil
	case h.Auth == nil || h.Auth.Provider == "":
		return fmt.Errorf("%s: hooks: an auth hook needs provider, what clients call authType", file)
	case len(h.Auth.Users) == 0:
		return fmt.Errorf("%s: hooks: an auth hook needs users, the names as which its credentials may log in, such as [\"device-*\"]", operator)
	}
	return nil
}

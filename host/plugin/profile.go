package plugin

import (
	"context"
	"errors"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/hook"
)

// Applicant is a session that has logged in and needs a policy.
type Applicant struct {
	Record   []byte // the session's record as profiles see it, raw JSON object
	Username string
	ID       string // of the session
	Address  string // "" for a client in this process
}

// Profile is a hook that gives sessions their policies.
type Profile struct{ binding *binding }

// Profiles returns those there are, in order.
func (m *Manager) Profiles() []Profile {
	bindings := m.lists.Load().hooks[hook.PlaceProfile]
	if len(bindings) == 0 {
		return nil
	}
	all := make([]Profile, len(bindings))
	for i, b := range bindings {
		all[i] = Profile{b}
	}
	return all
}

// Name returns the plugin's name.
func (p Profile) Name() string { return p.binding.name }

// Ask returns the policy of a session, raw JSON that check accepts; nil if the
// plugin leaves it to others. An error refuses the login: a *Refusal in the
// plugin's words, any other is a fault.
func (p Profile) Ask(ctx context.Context, a Applicant, check func(policy []byte) error) ([]byte, error) {
	_, given, err := p.binding.ask(ctx, &abi.Record{
		Kind: abi.KindSession, Action: abi.ActionLogin, Data: a.Record, Username: absent(a.Username),
		SessionID: absent(a.ID), Address: absent(a.Address),
	}, func(given []byte) error {
		if given == nil {
			return errors.New("the policy is missing")
		}
		return check(given)
	})
	return given, err
}

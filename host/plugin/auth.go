package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/hook"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// maxUsername bounds what a plugin answers, in bytes.
const maxUsername = 1024

// Question is what an authentication provider is asked.
type Question struct {
	Operation string // abi.OperationLogin and so on
	Data      []byte // raw JSON object, see ABI.md
	Username  string
	SessionID string
	Address   string // "" for a client in this process
}

// Answer is what a plugin says to a Question.
type Answer struct {
	// Mine is false if no plugin of the kind wants to decide.
	Mine bool
	// Username is, after a login, as whom.
	Username string

	hook *hook.Auth
}

// MayBe reports whether the plugin that gave the answer may log in a user, by
// the name that the directory has.
func (a *Answer) MayBe(username string) bool { return a.hook != nil && a.hook.MayBe(username) }

// NewUser returns the groups into which a user is put that the directory does not
// have, and false if it is not to be made.
func (a *Answer) NewUser() (groups []string, make bool) {
	if a.hook == nil || a.hook.CreateUsers == nil {
		return nil, false
	}
	return a.hook.CreateUsers.Groups, true
}

// Provider is the plugins that check one kind of credentials.
type Provider struct{ bindings []*binding }

// Provider returns the plugins for a kind of credentials, nil if there are none.
// One that is in the folder and does not run counts: nobody else is asked in its
// place.
func (m *Manager) Provider(kind string) *Provider {
	var all []*binding
	for _, b := range m.lists.Load().hooks[hook.PlaceAuth] {
		if h := b.hook(); h != nil && h.hook.Auth.Provider == kind {
			all = append(all, b)
		}
	}
	if all == nil {
		all = m.resting(kind)
	}
	if all == nil {
		return nil
	}
	return &Provider{all}
}

// resting returns the hooks for a kind whose plugins do not run, though nobody
// has switched them off.
func (m *Manager) resting(kind string) (all []*binding) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.plugins {
		p.mu.Lock()
		shown, state := p.shown, p.state
		p.mu.Unlock()
		if shown == nil || state == StateDisabled || p.gen.Load() != nil {
			continue
		}
		if h := shown.manifest.Hook(hook.KindAuth); h != nil && h.Auth != nil && h.Auth.Provider == kind {
			all = append(all, &binding{name: shown.manifest.Name, place: hook.PlaceAuth, plugin: p})
		}
	}
	return all
}

// Ask asks one plugin after the other until one decides. An error refuses: a
// *Refusal says so in the plugin's words, any other is a fault.
func (p *Provider) Ask(ctx context.Context, q Question) (Answer, error) {
	for _, b := range p.bindings {
		var a Answer
		verdict, _, err := b.ask(ctx, &abi.Record{
			Kind: abi.KindCredentials, Action: actions[q.Operation], Data: q.Data,
			Options:  append(rawjson.AppendString([]byte(`{"operation":`), q.Operation), '}'),
			Username: absent(q.Username), SessionID: absent(q.SessionID), Address: absent(q.Address),
		}, func(data []byte) (err error) {
			if q.Operation == abi.OperationLogin {
				a.Username, err = username(data)
			}
			return err
		})
		if err != nil {
			return Answer{}, err
		}
		if verdict == abi.VerdictPass {
			continue
		}
		if h := b.hook(); h != nil {
			a.hook = h.hook.Auth
		}
		a.Mine = true
		return a, nil
	}
	return Answer{}, nil
}

// actions are the actions of the records that ask; a constant in all but name.
var actions = map[string]abi.Action{
	abi.OperationLogin: abi.ActionLogin, abi.OperationToken: abi.ActionLogin, abi.OperationRevoke: abi.ActionRevokeToken,
	abi.OperationChangePassword: abi.ActionChangePassword, abi.OperationResetPassword: abi.ActionChangePassword,
}

// username reads whom a plugin names: {"username": "..."} and nothing else.
func username(data []byte) (string, error) {
	var said struct {
		Username string `json:"username"`
	}
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.DisallowUnknownFields()
	if err := d.Decode(&said); err != nil {
		return "", fmt.Errorf("the data must be {\"username\": \"...\"}: %w", err)
	}
	switch name := said.Username; {
	case name == "":
		return "", errors.New("the username is missing")
	case len(name) > maxUsername, !utf8.ValidString(name), strings.ContainsAny(name, "*\x00"):
		return "", errors.New("the username is none that a user can have")
	}
	return said.Username, nil
}

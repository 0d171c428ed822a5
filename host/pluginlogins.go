package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/answer"
	"github.com/happn-host/happn-host/internal/rawjson"
	"github.com/happn-host/happn-host/security"
	"github.com/happn-host/happn-host/security/login"
	"github.com/happn-host/happn-host/security/policy"
	"github.com/happn-host/happn-host/security/token"
)

// pluginLogins lets plugins have a say in logins. The plugins of a host are there
// before anybody can log in.
type pluginLogins struct{ host *Host }

var (
	_ policy.Judges          = pluginLogins{}
	_ policy.Judge           = pluginJudge{}
	_ login.Providers        = pluginLogins{}
	_ login.TokenChecker     = (*pluginProvider)(nil)
	_ login.PasswordChanger  = (*pluginProvider)(nil)
	_ login.PasswordResetter = (*pluginProvider)(nil)
	_ login.Revoker          = (*pluginProvider)(nil)
	_ login.Bounded          = (*pluginProvider)(nil)
	_ login.UserMaker        = (*pluginProvider)(nil)
)

// Judges implements policy.Judges.
func (l pluginLogins) Judges() []policy.Judge {
	profiles := l.host.plugins.Profiles()
	if len(profiles) == 0 {
		return nil
	}
	judges := make([]policy.Judge, len(profiles))
	for i, p := range profiles {
		judges[i] = pluginJudge{p}
	}
	return judges
}

// pluginJudge is the profile hook of a plugin.
type pluginJudge struct{ plugin.Profile }

// Judge implements policy.Judge.
func (j pluginJudge) Judge(ctx context.Context, s *policy.Session) (given *policy.Policy, err error) {
	_, err = j.Ask(ctx, plugin.Applicant{Record: s.Record, Username: s.Username, ID: s.ID, Address: s.Address},
		func(raw []byte) (err error) {
			given, err = readPolicy(raw)
			return err
		})
	if err != nil {
		return nil, refused(err, 403)
	}
	return given, nil
}

// readPolicy reads a policy that a plugin gives.
func readPolicy(raw []byte) (*policy.Policy, error) {
	given, err := policy.ParseStrict(raw)
	if err != nil || given.Permissions == nil {
		return given, err
	}
	var permissions security.Permissions
	if err := json.Unmarshal(given.Permissions, &permissions); err != nil {
		return nil, fmt.Errorf("policy.permissions: %w", err)
	}
	return given, nil
}

// refused turns the refusal of a plugin into what clients see, and leaves faults.
func refused(err error, code int) error {
	var said *answer.Refusal
	if !errors.As(err, &said) {
		return err
	}
	shown := &security.Error{Name: said.Name, Code: said.Code, Message: said.Message}
	if shown.Name == "" {
		shown.Name = "AccessDenied"
	}
	if shown.Code == 0 {
		shown.Code = code
	}
	return shown
}

// Provider implements login.Providers: those of the embedder come first.
func (l pluginLogins) Provider(kind string) login.Provider {
	if p := l.host.providers[kind]; p != nil {
		return p
	}
	if p := l.host.plugins.Provider(kind); p != nil {
		return &pluginProvider{plugins: p}
	}
	return nil
}

// pluginProvider is the plugins of one kind, for one login.
type pluginProvider struct {
	plugins *plugin.Provider
	answer  plugin.Answer // to the login
}

// Check implements login.Provider. Why a plugin rejects is not told: clients hear
// the same of all wrong credentials.
func (p *pluginProvider) Check(ctx context.Context, a *login.Attempt) (username string, err error) {
	p.answer, err = p.plugins.Ask(ctx, plugin.Question{
		Operation: abi.OperationLogin, Data: credentials(a), Username: a.Username, SessionID: a.SessionID, Address: a.Address,
	})
	switch {
	case errors.As(err, new(*answer.Refusal)):
		return "", login.ErrRejected
	case err != nil:
		return "", err
	case !p.answer.Mine:
		return "", login.ErrNotMine
	}
	return p.answer.Username, nil
}

// credentials are the data of a login for plugins.
func credentials(a *login.Attempt) []byte {
	text := func(dst []byte, name, value string) []byte {
		if value == "" {
			return dst
		}
		return rawjson.AppendString(append(dst, name...), value)
	}
	out := rawjson.AppendString([]byte(`{"username":`), a.Username)
	out = strconv.AppendInt(append(out, `,"type":`...), int64(a.Type), 10)
	out = text(out, `,"password":`, a.Password)
	if a.PublicKey != "" {
		out = text(out, `,"publicKey":`, a.PublicKey)
		out = strconv.AppendBool(append(out, `,"signed":`...), a.Signed())
	}
	if a.Info != nil {
		out = append(append(out, `,"info":`...), a.Info...)
	}
	return append(out, '}')
}

// tell asks about what is not a login.
func (p *pluginProvider) tell(ctx context.Context, q plugin.Question) error {
	answer, err := p.plugins.Ask(ctx, q)
	if err == nil && !answer.Mine {
		return login.ErrNotMine
	}
	return err
}

// CheckToken implements login.TokenChecker.
func (p *pluginProvider) CheckToken(ctx context.Context, c *token.Claims) error {
	return refused(p.tell(ctx, plugin.Question{
		Operation: abi.OperationToken, Data: append(claimed(c), '}'), Username: c.Username, SessionID: c.SessionID,
	}), 403)
}

// Revoke implements login.Revoker.
func (p *pluginProvider) Revoke(ctx context.Context, c *token.Claims, reason string) error {
	data := rawjson.AppendString(append(claimed(c), `,"reason":`...), reason)
	return refused(p.tell(ctx, plugin.Question{
		Operation: abi.OperationRevoke, Data: append(data, '}'), Username: c.Username, SessionID: c.SessionID,
	}), 403)
}

// claimed is what a token says, without the token, as JSON that is left open.
func claimed(c *token.Claims) []byte {
	out := rawjson.AppendString([]byte(`{"username":`), c.Username)
	out = rawjson.AppendString(append(out, `,"userid":`...), c.UserID)
	out = rawjson.AppendString(append(out, `,"sessionId":`...), c.SessionID)
	out = rawjson.AppendString(append(out, `,"parentId":`...), c.ParentID)
	out = rawjson.AppendString(append(out, `,"origin":`...), c.Origin)
	out = strconv.AppendInt(append(out, `,"type":`...), int64(c.Type), 10)
	out = strconv.AppendInt(append(out, `,"timestamp":`...), c.Timestamp, 10)
	if c.Info != nil {
		out = append(append(out, `,"info":`...), c.Info...)
	}
	return out
}

// ChangePassword implements login.PasswordChanger.
func (p *pluginProvider) ChangePassword(ctx context.Context, username, before, after string) error {
	data := rawjson.AppendString([]byte(`{"username":`), username)
	data = rawjson.AppendString(append(data, `,"oldPassword":`...), before)
	data = rawjson.AppendString(append(data, `,"newPassword":`...), after)
	err := p.tell(ctx, plugin.Question{Operation: abi.OperationChangePassword, Data: append(data, '}'), Username: username})
	if errors.As(err, new(*answer.Refusal)) {
		return login.ErrRejected
	}
	return err
}

// ResetPassword implements login.PasswordResetter.
func (p *pluginProvider) ResetPassword(ctx context.Context, username string) error {
	data := append(rawjson.AppendString([]byte(`{"username":`), username), '}')
	return refused(p.tell(ctx, plugin.Question{Operation: abi.OperationResetPassword, Data: data, Username: username}), 403)
}

// MayBe implements login.Bounded.
func (p *pluginProvider) MayBe(username string) bool { return p.answer.MayBe(username) }

// NewUser implements login.UserMaker.
func (p *pluginProvider) NewUser(string) (groups []string, make bool) { return p.answer.NewUser() }

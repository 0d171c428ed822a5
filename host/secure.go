package host

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/happn-host/happn-host/host/access"
	"github.com/happn-host/happn-host/host/config"
	"github.com/happn-host/happn-host/host/session"
	"github.com/happn-host/happn-host/security"
	"github.com/happn-host/happn-host/security/activity"
	"github.com/happn-host/happn-host/security/directory"
	"github.com/happn-host/happn-host/security/login"
	"github.com/happn-host/happn-host/security/password"
	"github.com/happn-host/happn-host/security/payload"
	"github.com/happn-host/happn-host/security/policy"
	"github.com/happn-host/happn-host/security/token"
)

// secured is what a host with access control has.
type secured struct {
	directory *directory.Directory
	tokens    *token.Ring
	logins    *login.Service
	control   *access.Control
	activity  *activity.Log // nil unless it is configured

	adminPassword string // made at this start, "" if _ADMIN was there
}

// defaultPassword is _ADMIN's on every happn-3 server that was not told otherwise.
const defaultPassword = "happn"

// openSecurity opens the directory of users and what checks logins. Nothing of
// it runs until the pipeline is attached.
func (h *Host) openSecurity(ctx context.Context) error {
	if !h.config.Secure {
		return nil
	}
	c := h.config.Security
	hasher, err := openHasher(c.Password)
	if err != nil {
		return err
	}
	s := &secured{}
	s.directory, err = directory.Open(ctx, h.store, directory.Options{
		Hash:          func(text string) (string, error) { return hasher.Hash(context.Background(), text) },
		AdminPassword: func() (string, error) { return s.newAdmin(c.AdminPassword), nil },
		Anonymous:     c.AllowAnonymousAccess, VolatilePermissions: !c.PersistPermissions,
		CaseInsensitive: c.UsernamesIgnoreCase, CaseInsensitiveExcept: append([]string{security.Anonymous}, c.UsernamesCaseExclude...),
		Logger: h.log,
	})
	if err != nil {
		return fmt.Errorf("open the security directory: %w", err)
	}
	if err := s.refuseDefaultPassword(ctx, hasher, c.AllowDefaultPassword); err != nil {
		return err
	}
	s.tokens, err = token.Open(ctx, h.store, token.Options{Secret: c.Token.Secret, CompatTokens: c.Token.CompatTokens, Lead: h.keyLead()})
	if err != nil {
		return fmt.Errorf("open the keys of session tokens: %w", err)
	}
	if c.Payload.Encrypt {
		if h.payload, err = payload.Open(ctx, h.store, time.Now()); err != nil {
			return err
		}
	}
	if err := h.openLogins(ctx, s, hasher); err != nil {
		return err
	}
	h.secured = s
	return nil
}

func openHasher(c config.Password) (*password.Hasher, error) {
	hasher, err := password.New(password.Options{
		Algorithm: password.Algorithm(c.Algorithm), Iterations: c.PBKDF2Iterations,
		Memory: c.Argon2MemoryMiB << 10, Passes: c.Argon2Passes, Workers: c.Workers, Timeout: c.QueueTimeout,
	})
	if err != nil {
		return nil, fmt.Errorf("security.password: %w", err)
	}
	return hasher, nil
}

func compileProfiles(configured []config.Profile, judges policy.Judges) (*policy.Profiles, error) {
	var rules []policy.Profile
	for _, p := range configured {
		rules = append(rules, policy.Profile{Name: p.Name, Session: p.Session, Policy: p.Policy, Judge: p.Plugin})
	}
	profiles, err := policy.Compile(rules, judges)
	if err != nil {
		return nil, fmt.Errorf("security.profiles: %w", err)
	}
	return profiles, nil
}

// Check tells what New would refuse in a configuration that is valid by itself:
// what the filters and policies of profiles mean. It opens nothing.
func Check(c config.Config) error {
	if !c.Secure {
		return nil
	}
	_, err := compileProfiles(c.Security.Profiles, nil)
	return err
}

// newAdmin returns the password of an _ADMIN that is made now: the configured
// one, or one that nobody can guess and that the start shows once.
func (s *secured) newAdmin(configured string) string {
	if configured != "" {
		return configured
	}
	s.adminPassword = rand.Text()
	return s.adminPassword
}

// refuseDefaultPassword fails if everybody knows the administrator's password.
func (s *secured) refuseDefaultPassword(ctx context.Context, hasher *password.Hasher, allowed bool) error {
	admin, ok := s.directory.Account(security.Admin)
	if !ok || allowed {
		return nil
	}
	known, _, err := hasher.Verify(ctx, admin.PasswordHash(), defaultPassword)
	if err != nil {
		return fmt.Errorf("check the password of _ADMIN: %w", err)
	}
	if known {
		return errors.New("the user _ADMIN has the password \"happn\", which everybody knows: change it on the old server, " +
			"or start once with security.allowDefaultPassword and change it with `happn-host user password _ADMIN`")
	}
	return nil
}

func (h *Host) openLogins(ctx context.Context, s *secured, hasher *password.Hasher) error {
	c := h.config.Security
	profiles, err := compileProfiles(c.Profiles, pluginLogins{h})
	if err != nil {
		return err
	}
	if kind := c.DefaultAuthProvider; kind != config.AuthProviderHappn && h.providers[kind] == nil && h.config.Plugins.Dir == "" {
		return fmt.Errorf("security.defaultAuthProvider: the provider %s is not there; name another or add it", kind)
	}
	s.logins, err = login.New(ctx, login.Options{
		Directory: s.directory, Store: h.store, Hasher: hasher, Tokens: s.tokens, Profiles: profiles, Origin: h.name,
		Anonymous: c.AllowAnonymousAccess, NoNetworkAdmin: !c.AdminOverNetwork,
		LockToLoginType: c.Token.LockToLoginType, LockToUserID: c.Token.LockToUserID, NoTTL0Revoking: !c.Token.AllowTTL0Revocation,
		Lockout:  login.LockoutOptions{Disabled: !c.Lockout.Enabled, Attempts: c.Lockout.Attempts, RetryInterval: c.Lockout.RetryInterval},
		Rate:     login.RateOptions{PerAddress: c.LoginRate.PerAddress, PerUser: c.LoginRate.PerUser},
		NonceTTL: c.NonceTTL, DefaultProvider: c.DefaultAuthProvider, FixedProvider: !c.UserChoosesAuthProvider,
		Providers: pluginLogins{h}, Logger: h.log,
	})
	if err != nil {
		return fmt.Errorf("open logins: %w", err)
	}
	if c.Activity.Enabled {
		s.activity = activity.New(activity.Options{Store: h.store, TTL: c.Activity.TTL, Logger: h.log})
	}
	s.control = access.New(access.Options{
		Directory: s.directory, Logins: s.logins, Sessions: h.sessions, Server: h.record(), Logger: h.log, Activity: s.activity,
		Nested: c.AllowNestedPermissions, LoginTimeout: c.LoginTimeout,
	})
	return nil
}

// record is what sessions and their records say of the server.
func (h *Host) record() session.Server {
	s := session.Server{Name: h.name, Secure: h.config.Secure, CookieName: "happn_token"}
	if h.config.Secure {
		s.CookieName, s.Domain = h.config.Security.Cookie.Name, h.config.Security.Cookie.Domain
	}
	if h.payload != nil {
		s.PublicKey = h.payload.PublicKey()
	}
	return s
}

// Activity returns what keeps the last request of each session, nil unless
// access control and security.activity are on.
func (h *Host) Activity() *activity.Log {
	if h.secured == nil {
		return nil
	}
	return h.secured.activity
}

// Tokens returns the keys of session tokens of a host with access control, nil
// of one without.
func (h *Host) Tokens() *token.Ring {
	if h.secured == nil {
		return nil
	}
	return h.secured.tokens
}

// Directory returns the users, groups and permissions of a host with access
// control, nil of one without.
func (h *Host) Directory() *directory.Directory {
	if h.secured == nil {
		return nil
	}
	return h.secured.directory
}

// Logins returns what checks logins and tokens on a host with access control,
// nil on one without.
func (h *Host) Logins() *login.Service {
	if h.secured == nil {
		return nil
	}
	return h.secured.logins
}

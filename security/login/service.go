package login

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/happn-host/happn-host/internal/seldom"
	"github.com/happn-host/happn-host/security"
	"github.com/happn-host/happn-host/security/policy"
	"github.com/happn-host/happn-host/security/token"
)

// Service logs sessions in. It is safe for concurrent use.
type Service struct {
	options Options
	lockout *lockout
	nonces  *nonces
	revoked *revocations
	byUser  *rates
	byIP    *rates
	usages  *usages
	counts  counts
	faults  seldom.Lines // that anybody who logs in can cause
}

// maxName is the longest user name, in bytes, that is looked up.
const maxName = 1024

// New returns a Service with the revocations that the store has.
func New(ctx context.Context, o Options) (*Service, error) {
	o, err := o.ensureDefaults()
	if err != nil {
		return nil, err
	}
	s := &Service{
		options: o,
		lockout: newLockout(o.Lockout, o.Now),
		nonces:  newNonces(o.NonceTTL, o.Now),
		revoked: newRevocations(o.Store, o.Now),
		byUser:  newRates(o.Rate.PerUser, o.Now),
		byIP:    newRates(o.Rate.PerAddress, o.Now),
		usages:  newUsages(),
	}
	return s, s.revoked.load(ctx)
}

// Login checks credentials and returns what they give. Its errors are of type
// *security.Error, or of the context.
func (s *Service) Login(ctx context.Context, a Attempt) (*Grant, error) {
	g, err := s.login(ctx, a)
	if err != nil {
		s.counts.refused.Add(1)
		if isBusy(err) {
			s.counts.limited.Add(1)
		}
		return nil, err
	}
	s.counts.logins.Add(1)
	return g, nil
}

func (s *Service) login(ctx context.Context, a Attempt) (*Grant, error) {
	if !s.byIP.allow(network(a.Address)) {
		return nil, busy("too many logins from this address; try again in a minute")
	}
	a.signed = s.nonces.signed
	if len(a.Username) > maxName {
		a.Username = "" // no user has such a name
	}
	claims, err := s.presented(&a)
	if err != nil {
		return nil, err
	}
	provider, kind, err := s.choose(&a, claims)
	if err != nil {
		return nil, err
	}
	name := s.canonical(a.Username, claims)
	if !s.byUser.allow(lockName(name)) {
		return nil, busy("too many logins of this user; try again in a minute")
	}
	if err := s.admissible(&a, claims, name); err != nil {
		return nil, err
	}
	if claims != nil {
		return s.loginByToken(ctx, &a, claims, provider, kind)
	}
	return s.loginByCredentials(ctx, &a, name, provider, kind)
}

// presented reads the token of an attempt, nil if it has none. One that has
// expired is refused later, where happn-3 does.
func (s *Service) presented(a *Attempt) (*token.Claims, error) {
	if a.Token == "" {
		return nil, nil
	}
	claims, err := s.options.Tokens.Parse(a.Token)
	if err != nil && !errors.Is(err, token.ErrExpired) {
		return nil, invalid("Invalid credentials: invalid session token")
	}
	return claims, nil
}

func (s *Service) choose(a *Attempt, claims *token.Claims) (Provider, string, error) {
	switch {
	case claims != nil && claims.AuthType != "":
		p, kind := s.provider(claims.AuthType)
		return p, kind, nil
	case claims != nil:
		p, kind := s.providerOf(claims.Username)
		return p, kind, nil
	case a.AuthType != "" && s.options.FixedProvider:
		return nil, "", invalid("Invalid credentials: security policy disallows choosing of own auth provider")
	case a.AuthType != "":
		p, kind := s.provider(a.AuthType)
		return p, kind, nil
	}
	p, kind := s.providerOf(a.Username)
	return p, kind, nil
}

// canonical is the name under which the directory knows a user, or else the one
// that was given.
func (s *Service) canonical(name string, claims *token.Claims) string {
	if claims != nil {
		name = claims.Username
	}
	if account, ok := s.options.Directory.Account(name); ok {
		return account.User().Name
	}
	return name
}

// admissible decides what needs no look at the credentials.
func (s *Service) admissible(a *Attempt, claims *token.Claims, name string) error {
	switch {
	case name == security.Anonymous && !s.options.Anonymous:
		return invalid("Anonymous access is disabled")
	case claims == nil && name == security.Anonymous:
	case claims == nil && (a.Username == "" || a.Password == "" && a.Digest == ""):
		return wrongCredentials()
	}
	if a.Address != "" && !s.options.Profiles.SourceAllowed(credentialsRecord(a, name), a.Address) {
		return invalid("Source address access restricted")
	}
	if claims == nil {
		return s.adminFrom(a, name)
	}
	return nil
}

// adminFrom keeps _ADMIN from the network. happn-3 believes the client, which
// says in info._local whether it is in this process.
func (s *Service) adminFrom(a *Attempt, name string) error {
	if s.options.NoNetworkAdmin && name == security.Admin && a.Address != "" {
		return denied("use of _ADMIN credentials over the network is disabled")
	}
	return nil
}

func (s *Service) loginByCredentials(ctx context.Context, a *Attempt, name string, p Provider, kind string) (*Grant, error) {
	if name == security.Anonymous { // has no password that anybody would have to know
		return s.grant(ctx, a, name, kind, nil)
	}
	end, err := s.lockout.begin(ctx, name)
	if errors.Is(err, errLocked) {
		s.counts.locked.Add(1)
		return nil, denied("Account locked out")
	}
	if err != nil {
		return nil, err
	}
	checked := unchecked
	defer func() { end(checked) }() // also when a provider panics
	username, by, kind, err := s.check(ctx, a, p, kind)
	switch {
	case errors.Is(err, ErrRejected), errors.Is(err, ErrNotMine):
		checked = wrong
		return nil, wrongCredentials()
	case err != nil && ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		s.faults.Warn(s.options.Logger, "a login could not be checked", "check", err, "user", a.Username, "provider", kind)
		return nil, failed(err)
	}
	checked = right
	if err := s.accept(ctx, a, name, username, by, kind); err != nil {
		return nil, err
	}
	return s.grant(ctx, a, username, kind, nil)
}

// accept looks at a name that is not the one that was asked for: what was decided
// by that does not hold for it. It makes users for providers that may have it.
func (s *Service) accept(ctx context.Context, a *Attempt, asked, username string, by Provider, kind string) error {
	name := s.canonical(username, nil)
	if name != asked {
		switch {
		case name == security.Anonymous: // who needs no credentials gets none by them
			return wrongCredentials()
		case a.Address != "" && !s.options.Profiles.SourceAllowed(credentialsRecord(a, name), a.Address):
			return invalid("Source address access restricted")
		}
		if err := s.adminFrom(a, name); err != nil {
			return err
		}
	}
	if limited, ok := by.(Bounded); ok && !limited.MayBe(name) {
		return s.fault("a provider of logins named a user that it may not", name, errors.New("the login was refused"))
	}
	maker, ok := by.(UserMaker)
	if !ok {
		return nil
	}
	if _, known := s.options.Directory.Account(name); known {
		return nil
	}
	groups, wanted := maker.NewUser(name)
	if !wanted {
		return nil // without a user the login fails
	}
	if err := s.makeUser(ctx, name, kind, groups); err != nil {
		return s.fault("the user of a login could not be made", name, err)
	}
	return nil
}

// makeUser makes a user whose credentials a provider knows: it has a password
// that nobody does.
func (s *Service) makeUser(ctx context.Context, name, kind string, groups []string) error {
	raw := textMember(textMember(nil, `{"username":`, name), `,"password":`, rand.Text())
	raw = append(textMember(raw, `,"authType":`, kind), '}')
	if _, err := s.options.Directory.UpsertUser(ctx, raw, false); err != nil {
		if _, known := s.options.Directory.Account(name); !known {
			return fmt.Errorf("%v", err)
		}
	} // another login of it may have been quicker, and may be about to do the rest, too
	for _, group := range groups {
		if _, err := s.options.Directory.LinkGroup(ctx, group, name, nil); err != nil {
			_, left := s.options.Directory.DeleteUser(ctx, name) // the next login begins anew
			return errors.Join(fmt.Errorf("put it into the group %s: %v", group, err), left)
		}
	}
	return nil
}

// grant makes what a login gives. claims are those of the token that logged in,
// nil for credentials.
func (s *Service) grant(ctx context.Context, a *Attempt, name, kind string, claims *token.Claims) (*Grant, error) {
	account, ok := s.options.Directory.Account(name)
	if !ok || account.Deleted() {
		return nil, wrongCredentials()
	}
	user := account.User()
	g := &Grant{
		Username: user.Name, UserID: user.ID, SessionID: a.SessionID, Origin: s.options.Origin, AuthType: kind,
		Type: 1, Timestamp: s.options.Now().UnixMilli(), Account: account, User: user.AppendJSON(nil, false), Info: a.Info,
	}
	if g.SessionID == "" {
		g.SessionID = newID()
	}
	if claims != nil { // the policy is the token's: a client does not choose another with its info
		g.Type, g.ParentID, g.Policy, g.Token = claims.Type, claims.SessionID, claims.Policy, a.Token
		return g, allowed(a, g)
	}
	g.ParentID = g.SessionID
	if err := s.choosePolicies(ctx, a, g); err != nil {
		return nil, err
	}
	var err error
	g.Token, err = s.GenerateToken(g, a.Type)
	return g, err
}

func (s *Service) choosePolicies(ctx context.Context, a *Attempt, g *Grant) (err error) {
	g.Policy, err = s.options.Profiles.For(ctx, &policy.Session{
		Record: profileRecord(a, g.Account, g.Timestamp), Username: g.Username, ID: g.SessionID, Address: a.Address,
	})
	if err == nil {
		return allowed(a, g)
	}
	return s.fault("no policy could be found for a login", g.Username, err)
}

// allowed refuses an address that the policies of a session do not list. Those of
// judges are known only now.
func allowed(a *Attempt, g *Grant) error {
	if a.Address == "" || g.Policy[g.Type].Allows(a.Address) && g.Policy[a.Type&1].Allows(a.Address) {
		return nil
	}
	return invalid("Source address access restricted")
}

// GenerateToken returns a token for a session, which logs in sessions of the
// type.
func (s *Service) GenerateToken(g *Grant, kind int) (string, error) {
	if kind != 0 {
		kind = 1
	}
	c := &token.Claims{
		SessionID: g.SessionID, ParentID: g.ParentID, Origin: g.Origin, Username: g.Username, UserID: g.UserID,
		Type: kind, Timestamp: g.Timestamp, Policy: g.Policy, Info: g.Info,
	}
	if g.AuthType != defaultProvider {
		c.AuthType = g.AuthType
	}
	text, err := s.options.Tokens.Sign(c)
	if err != nil {
		return "", fmt.Errorf("log %s in: %w", g.Username, err)
	}
	return text, nil
}

// Nonce returns a text for the holder of a public key to sign. It serves one
// login.
func (s *Service) Nonce(publicKey string) (string, error) { return s.nonces.give(publicKey) }

// newID returns a UUID of version 4.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, see its documentation
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// expiredReason is what is wrong with the time of a token, "" if nothing is.
func expiredReason(c *token.Claims, p *policy.Policy, now int64) policy.Reason {
	switch {
	case p.Expired(c.Timestamp, now), c.Expires > 0 && now > c.Expires:
		return policy.Expired
	case p.Inactivity > 0 && now-c.Timestamp > p.Inactivity:
		return policy.Inactive
	}
	return ""
}

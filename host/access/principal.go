package access

import (
	"bytes"
	"strings"
	"sync/atomic"
	"time"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/internal/rawjson"
	"github.com/happn-host/happn-host/security"
	"github.com/happn-host/happn-host/security/activity"
	"github.com/happn-host/happn-host/security/login"
	"github.com/happn-host/happn-host/security/permit"
	"github.com/happn-host/happn-host/security/policy"
)

// systemPaths is where the directory keeps what it knows. A permission for
// everything does not cover it: only one that names it does.
const systemPaths = "/_SYSTEM"

// Account is a live view of a user, see directory.Account.
type Account interface {
	User() *security.User
	Rules() *permit.Rules
	Deleted() bool
}

// principal is one user, as one login has made it. It implements
// session.Principal.
type principal struct {
	grant   *login.Grant // nil for one that another session acts for, and for the host itself
	account Account
	record  []byte      // the session's record, raw JSON, which fills the templates of permissions
	limits  *permit.Set // the permissions of the policy, in place of the user's; nil for none
	usage   policy.Usage
	seen    *activity.Slot // notes what the session asks for; nil notes nothing
	expiry  *time.Timer    // nil for a session that does not expire

	rights atomic.Pointer[rights]
}

// rights are the rules of the account at one moment, for this session.
type rights struct {
	rules  *permit.Rules
	set    *permit.Set
	all    bool                       // is an administrator
	system atomic.Pointer[permit.Set] // decides about systemPaths; nil before it was asked
}

// Username implements session.Principal.
func (p *principal) Username() string { return p.account.User().Name }

// May implements session.Principal.
func (p *principal) May(action abi.Action, path []byte) bool {
	return p.may(actionOf(action), path)
}

func (p *principal) may(a security.Actions, path []byte) bool {
	if p.limits != nil {
		return p.limits.Decide(a, path)
	}
	if p.account.Deleted() {
		return false
	}
	r := p.now()
	if !r.all && bytes.HasPrefix(path, []byte(systemPaths)) {
		return r.ofSystem(p).Decide(a, path)
	}
	return r.set.Decide(a, path)
}

// now returns the rights at this moment.
func (p *principal) now() *rights {
	rules := p.account.Rules()
	if r := p.rights.Load(); r != nil && r.rules == rules {
		return r
	}
	r := &rights{rules: rules, set: rules.For(p.value)}
	_, r.all = p.account.User().Groups[security.Admin]
	r.all = r.all || p.account.User().Name == security.Admin
	p.rights.Store(r)
	return r
}

// ofSystem returns what decides about systemPaths. Few ask.
func (r *rights) ofSystem(p *principal) *permit.Set {
	if set := r.system.Load(); set != nil {
		return set
	}
	set := r.rules.Within(systemPaths).For(p.value)
	r.system.Store(set)
	return set
}

// value returns what the session's record has at a dotted path, as text.
func (p *principal) value(path string) []string {
	value := p.record
	for path != "" {
		var name string
		name, path, _ = strings.Cut(path, ".")
		member, ok := rawjson.Lookup(value, name)
		if !ok {
			return nil
		}
		value = member
	}
	if !rawjson.IsArray(value) {
		return scalar(nil, value)
	}
	var all []string
	for element := range rawjson.Elements(value) {
		all = scalar(all, element)
	}
	return all
}

func scalar(dst []string, value []byte) []string {
	switch {
	case rawjson.IsString(value):
		return append(dst, string(rawjson.Unquote(value)))
	case rawjson.IsNull(value), rawjson.IsObject(value), rawjson.IsArray(value):
		return dst
	}
	return append(dst, string(value))
}

// policy returns the policy that holds for the session.
func (p *principal) policy() *policy.Policy { return p.grant.Policy[p.grant.Type] }

// AppendRecord implements session.Principal.
func (p *principal) AppendRecord(dst []byte) []byte {
	if p.grant == nil {
		return dst
	}
	return p.grant.AppendRecord(dst, p.account.Rules().Key())
}

// actionOf returns the action that permissions name.
func actionOf(action abi.Action) security.Actions {
	switch action {
	case abi.ActionGet, abi.ActionCount:
		return security.Get
	case abi.ActionSet:
		return security.Set
	case abi.ActionOn:
		return security.On
	case abi.ActionRemove:
		return security.Remove
	}
	return security.Any
}

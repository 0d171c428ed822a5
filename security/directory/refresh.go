package directory

import (
	"crypto/sha1"
	"encoding/base64"
	"maps"
	"slices"
	"strings"

	"github.com/happn-host/happn-host/security"
	"github.com/happn-host/happn-host/security/permit"
)

// refresh makes anew what is compiled of those that are dirty. The directory is
// locked.
func (d *Directory) refresh(touched *dirty) {
	s := d.state
	d.touchTables(touched)
	for key := range touched.groups {
		if s.groups[key] == nil { // it is gone
			maps.Copy(touched.members, s.members[key])
		}
	}
	for key, g := range s.groups {
		_, byKey := touched.groups[key]
		_, byName := touched.groups[g.name]
		if byKey || byName || g.rules == nil {
			g.rules = d.compileGroup(key, g)
			maps.Copy(touched.members, s.members[key])
		}
	}
	if len(touched.groups) > 0 {
		clear(s.shared)
	}
	for name := range touched.users {
		d.refreshUser(name)
	}
	for name := range touched.members {
		if _, done := touched.users[name]; !done && s.users[name] != nil {
			s.refreshRules(s.users[name].account)
		}
	}
}

// refreshRules gives an account its rules anew where nothing else has changed.
func (s *state) refreshRules(a *Account) {
	now := *a.now.Load()
	now.rules = s.rulesOf(now.user)
	a.now.Store(&now)
}

// touchTables marks the groups with permissions on tables that have changed.
func (d *Directory) touchTables(touched *dirty) {
	if len(touched.tables) == 0 {
		return
	}
	for name, byTable := range d.state.lookups {
		for table := range byTable {
			if _, ok := touched.tables[table]; ok {
				touched.groups[name] = struct{}{}
			}
		}
	}
}

func (d *Directory) compileGroup(key string, g *group) *permit.Rules {
	var all []*permit.Lookup
	for _, found := range d.state.lookups[key] {
		for _, p := range found.all {
			l, err := permit.CompileLookup(p, d.state.table(p.Table))
			if err != nil {
				d.options.Logger.Warn("a lookup permission allows nothing", "group", key, "error", err)
				continue
			}
			all = append(all, l)
		}
	}
	return permit.Compile([]security.Permissions{d.state.permissions(GroupOf(g.name))}, all)
}

// permissions returns the permissions of an owner. Actions that nobody knows and
// that happn-3 has stored are left out.
func (s *state) permissions(o Owner) security.Permissions {
	all := make(security.Permissions, len(s.grants[o]))
	for _, g := range s.grants[o] {
		a, _ := security.ParseAction(g.Action)
		p := all[g.Path]
		if g.Authorized {
			p.Allow |= a
		} else {
			p.Prohibit |= a
		}
		if a != 0 {
			all[g.Path] = p
		}
	}
	return all
}

func (d *Directory) refreshUser(name string) {
	s := d.state
	u := s.users[name]
	if u == nil {
		d.accounts.Delete(name)
		return
	}
	data := u.doc.Data
	now := &view{hash: u.hash, user: &security.User{Name: name, ID: text(data, "userid"), PublicKey: text(data, "publicKey"),
		AuthType: text(data, "authType"), Data: data, Permissions: s.permissions(UserOf(name)),
		Groups: make(map[string][]byte, len(s.links[name]))}}
	for group, l := range s.links[name] {
		now.user.Groups[group] = l.doc.Data
	}
	now.rules = s.rulesOf(now.user)
	if u.account == nil {
		u.account = &Account{}
		u.account.now.Store(now)
		d.accounts.Store(name, u.account)
		return
	}
	u.account.now.Store(now)
}

// rulesOf returns the rules of a user. Users in the same groups share them
// unless they have permissions of their own.
func (s *state) rulesOf(u *security.User) *permit.Rules {
	groups := slices.Sorted(maps.Keys(u.Groups))
	shared := strings.Join(groups, "\x00")
	if len(u.Permissions) == 0 && s.shared[shared] != nil {
		return s.shared[shared]
	}
	var parts []*permit.Rules
	if len(u.Permissions) > 0 {
		parts = append(parts, permit.Compile([]security.Permissions{u.Permissions}, nil))
	}
	for _, name := range groups {
		if g := s.groups[name]; g != nil {
			parts = append(parts, g.rules)
		}
	}
	rules := permit.Unite(permissionSetKey(groups, u.Permissions), parts...)
	if len(u.Permissions) == 0 {
		s.shared[shared] = rules
	}
	return rules
}

// permissionSetKey names groups and permission paths as happn-3 does. It is no
// secret and protects nothing.
func permissionSetKey(groups []string, own security.Permissions) string {
	names := append(slices.Clone(groups), slices.Collect(maps.Keys(own))...)
	slices.Sort(names)
	sum := sha1.Sum([]byte(strings.Join(names, "/")))
	return base64.StdEncoding.EncodeToString(sum[:])
}

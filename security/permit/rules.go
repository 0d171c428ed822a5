package permit

import "github.com/happn-host/happn-host/security"

// Rules are the permissions of a user and its groups. They never change, and
// are for any goroutine.
type Rules struct {
	key       string
	trees     []*tree
	templates []template
	lookups   []*Lookup
	shared    *Set // what decides where nothing is to be filled in
}

// Compile makes Rules of a user's own permissions and those of each of its
// groups. They are united: what one of them allows is allowed, unless one of
// them prohibits it.
func Compile(all []security.Permissions, lookups []*Lookup) *Rules {
	r := &Rules{lookups: lookups}
	for _, permissions := range all {
		effects := make(map[string]effect, len(permissions))
		for path, p := range permissions {
			e := effect{p.Allow, p.Prohibit}
			if t, ok := parseTemplate(path); ok {
				t.effect = e
				r.templates = append(r.templates, t)
			} else {
				effects[path] = e
			}
		}
		if len(effects) > 0 {
			r.trees = append(r.trees, newTree(effects))
		}
	}
	r.share()
	return r
}

// Unite makes Rules of several, sharing what has been compiled for them.
func Unite(key string, parts ...*Rules) *Rules {
	r := &Rules{key: key}
	for _, part := range parts {
		r.trees = append(r.trees, part.trees...)
		r.templates = append(r.templates, part.templates...)
		r.lookups = append(r.lookups, part.lookups...)
	}
	r.share()
	return r
}

func (r *Rules) share() {
	templated := len(r.templates) > 0
	for _, l := range r.lookups {
		templated = templated || l.templated()
	}
	if !templated {
		r.shared = newSet(r.trees, plain(r.lookups))
	}
}

// Key names the groups and permission paths that the rules come from: happn-3's
// permissionSetKey. It is empty for Rules that Compile made.
func (r *Rules) Key() string { return r.key }

// For returns what decides for a session. The function returns the values that
// the session has at a dotted path, as text: none if there is no such value,
// several if it is a list. Where there is nothing to fill in, every session gets
// the same Set, and so the same memory of decisions.
//
// A value that is missing leaves the permission out. One with a `*` in it leaves
// out what is allowed, and lets what is prohibited be so for every value; so do
// more than a thousand combinations.
func (r *Rules) For(session func(dottedPath string) []string) *Set {
	if r.shared != nil {
		return r.shared
	}
	filled := map[string]effect{}
	add := func(path string, e effect) {
		had := filled[path]
		had.add(e)
		filled[path] = had
	}
	for i := range r.templates {
		t := &r.templates[i]
		paths, broken := t.fill(session)
		for _, path := range paths {
			add(path, t.effect)
		}
		if broken && t.prohibit != 0 {
			add(t.widest(), effect{prohibit: t.prohibit})
		}
	}
	trees := r.trees
	if len(filled) > 0 {
		trees = append(trees[:len(trees):len(trees)], newTree(filled))
	}
	var lookups []lookup
	for _, l := range r.lookups {
		lookups = append(lookups, l.fill(session)...)
	}
	return newSet(trees, lookups)
}

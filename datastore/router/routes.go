package router

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/happn-host/happn-host/datastore"
)

// member is one of the stores.
type member struct {
	datastore.Store
	name   string
	strays int // documents on paths of other stores
}

// rule says whose the paths under a pattern are.
type rule struct {
	pattern
	owner *member
}

// routes decides which store a path belongs to. It never changes.
type routes struct {
	members  []*member
	rules    []rule // the longest pattern first
	fallback *member
}

func newRoutes(o Options) (*routes, error) {
	if len(o.Members) == 0 {
		return nil, errors.New("there is no store to route to; give at least one")
	}
	r := &routes{}
	for _, m := range o.Members {
		added := &member{Store: m.Store, name: m.Name}
		if m.Store == nil {
			return nil, fmt.Errorf("store %q is nil", m.Name)
		}
		if r.named(m.Name) != nil {
			return nil, fmt.Errorf("there are two stores with the name %q; give each its own", m.Name)
		}
		r.members = append(r.members, added)
		for _, text := range m.Patterns {
			if text == "" {
				return nil, fmt.Errorf("store %q has an empty pattern; leave it out", m.Name)
			}
			r.rules = append(r.rules, rule{compile([]byte(text)), added})
		}
	}
	slices.SortStableFunc(r.rules, func(a, b rule) int { return cmp.Compare(len(b.text), len(a.text)) })
	if again := r.repeated(); again != nil {
		return nil, fmt.Errorf("the pattern %q stands for two stores, or twice for one; leave it in one place", again)
	}
	r.fallback = r.named(o.Default)
	if o.Default == "" {
		r.fallback = r.members[0]
	}
	if r.fallback == nil {
		return nil, fmt.Errorf("the default store %q is not among the stores", o.Default)
	}
	return r, nil
}

func (r *routes) named(name string) *member {
	for _, m := range r.members {
		if m.name == name {
			return m
		}
	}
	return nil
}

// repeated returns a pattern that has more than one rule, or nil.
func (r *routes) repeated() []byte {
	seen := make(map[string]bool, len(r.rules))
	for _, rule := range r.rules {
		if seen[string(rule.text)] {
			return rule.text
		}
		seen[string(rule.text)] = true
	}
	return nil
}

// owner returns the store that a path belongs to.
func (r *routes) owner(path []byte) *member {
	for i := range r.rules {
		if r.rules[i].matches(path) {
			return r.rules[i].owner
		}
	}
	return r.fallback
}

// owners returns the stores that can own a path under the query's pattern, in
// the order of the members. There is at least one.
func (r *routes) owners(text []byte) []*member {
	if bytes.IndexByte(text, '*') < 0 {
		return []*member{r.owner(text)}
	}
	q := compile(text)
	asked := make(map[*member]bool, len(r.members))
	rest := true
	for i := range r.rules {
		rule := &r.rules[i]
		if !rule.meets(&q) {
			continue
		}
		asked[rule.owner] = true
		if rule.matches(q.text) { // all paths under the query: nothing is left for shorter patterns
			rest = false
			break
		}
	}
	if rest {
		asked[r.fallback] = true
	}
	var owners []*member
	for _, m := range r.members {
		if asked[m] {
			owners = append(owners, m)
		}
	}
	return owners
}

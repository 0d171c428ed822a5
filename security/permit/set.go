package permit

import (
	"bytes"
	"slices"
	"strings"

	"github.com/happn-host/happn-host/security"
)

// Set decides for one session, or for all sessions of users with the same rules.
// It is for any goroutine, and never changes its mind: Rules are made anew when
// permissions change.
type Set struct {
	trees   []*tree
	lookups []lookup
	memory  memory
}

func newSet(trees []*tree, lookups []lookup) *Set {
	s := &Set{trees: trees, lookups: lookups}
	s.memory.init()
	return s
}

// Decide reports whether the action is allowed on this path, or on what this
// pattern asks for; a pattern is decided by its text. Ask for one action; Any
// stands for an action without a name of its own. It allocates nothing once it
// was asked before.
func (s *Set) Decide(a security.Actions, path []byte) bool {
	hash := s.memory.hash(path)
	allowed, known := s.memory.recall(hash, path)
	if !known {
		allowed = s.verdict(path)
		s.memory.keep(hash, path, allowed)
	}
	return a != 0 && allowed&a == a
}

// verdict returns all actions that are allowed on the path.
func (s *Set) verdict(path []byte) security.Actions {
	var e effect
	for _, t := range s.trees {
		t.collect(path, &e)
	}
	allowed := e.verdict()
	for i := range s.lookups {
		if l := &s.lookups[i]; l.actions&^allowed != 0 {
			allowed |= l.granted(path)
		}
	}
	return allowed
}

// Picks reports whether the action might be denied on single paths that a
// pattern covers, if it is allowed on the pattern. It errs on the side of true:
// false means that nothing has to be decided one by one.
func (s *Set) Picks(a security.Actions, pattern []byte) bool {
	before, _, _ := bytes.Cut(pattern, []byte("*"))
	covered := false
	for _, t := range s.trees {
		covered = covered || t.covers(a, before)
		for i := range t.prohibits {
			if p := &t.prohibits[i]; p.prohibit.Expand()&a != 0 && meet(p.literal, before) {
				return true
			}
		}
	}
	return !covered
}

// meet reports whether one of the texts begins with the other.
func meet(text string, b []byte) bool {
	n := min(len(text), len(b))
	return text[:n] == string(b[:n])
}

// Below returns the permission paths that allow the action and may cover paths
// that begin with the prefix, sorted (happn-wire.md, 8.13). some is true if
// there are any, or lookup tables that may allow it. Whoever uses this decides
// about each path that it finds.
func (s *Set) Below(a security.Actions, prefix []byte) (allowed []string, some bool) {
	for _, t := range s.trees {
		for _, e := range t.all {
			if !e.allow.Has(a) || !meet(e.literal, prefix) {
				continue
			}
			if len(e.literal) == len(e.path) && len(e.path) < len(prefix) {
				continue // one path, and it is above
			}
			if s.Decide(a, []byte(e.path)) {
				allowed = append(allowed, e.path)
			}
		}
	}
	for i := range s.lookups {
		some = some || s.lookups[i].actions.Has(a)
	}
	slices.SortFunc(allowed, strings.Compare)
	return slices.Compact(allowed), some || len(allowed) > 0
}

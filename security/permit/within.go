package permit

import "strings"

// Within returns the rules without what permissions allow whose path does not
// begin with the prefix. What they prohibit stays prohibited. So a permission for
// `*` allows nothing of what has to be named. Lookup tables allow nothing.
func (r *Rules) Within(prefix string) *Rules {
	narrow := &Rules{key: r.key}
	for _, t := range r.trees {
		kept := map[string]effect{}
		for _, e := range t.all {
			if !strings.HasPrefix(e.path, prefix) {
				e.allow = 0
			}
			if e.effect != (effect{}) {
				kept[e.path] = e.effect
			}
		}
		if len(kept) > 0 {
			narrow.trees = append(narrow.trees, newTree(kept))
		}
	}
	for _, t := range r.templates {
		if !strings.HasPrefix(t.parts[0].text, prefix) {
			t.allow = 0
		}
		narrow.templates = append(narrow.templates, t)
	}
	narrow.share()
	return narrow
}

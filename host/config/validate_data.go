package config

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

var storeName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

// checkData holds the rules between the keys about data.
func (d Data) checkData(report reporter) {
	if d.defaultEntry() < 0 && d.Durability != "none" && d.Dir == "" {
		report("data.dir", "", "found nothing, expected the path of a folder, or data.durability none to keep everything in memory")
	}
	d.checkStores(report)
	d.checkIndexes(report)
}

func (d Data) checkStores(report reporter) {
	names, dirs, patterns := map[string]string{}, map[string]string{}, map[string]string{}
	defaults := []string{}
	if d.defaultEntry() < 0 {
		names[DefaultStore] = "data.dir"
		if d.Durability != "none" && d.Dir != "" {
			dirs[folder(d.Dir)] = "data.dir"
		}
	}
	for i, s := range d.Stores {
		at := fmt.Sprintf("data.stores[%d]", i)
		fail := func(member, format string, args ...any) {
			report("data.stores", fmt.Sprintf("[%d].%s", i, member), format, args...)
		}
		switch {
		case !storeName.MatchString(s.Name):
			fail("name", "%s, expected a name of letters, digits, - and _, at most 64", found(s.Name))
		case names[s.Name] != "":
			fail("name", "%s, which is the name of %s; give each store its own", found(s.Name), names[s.Name])
		default:
			names[s.Name] = at
		}
		s.checkProvider(fail)
		if s.Dir != "" && s.Provider != ProviderMemory {
			if other := dirs[folder(s.Dir)]; other != "" {
				fail("dir", "%s, which is the folder of %s; give each store its own", found(s.Dir), other)
			}
			dirs[folder(s.Dir)] = at
		}
		if len(s.Patterns) == 0 && !s.Default {
			fail("patterns", "found nothing, expected the patterns of the paths that belong to the store, such as [/history/*]")
		}
		for _, p := range s.Patterns {
			if p == "" {
				fail("patterns", "an empty pattern covers nothing; leave it out, or use * for every path")
				continue
			}
			if other := patterns[collapse(p)]; other != "" {
				fail("patterns", "the pattern %q stands here and in %s, expected once", p, other)
			}
			patterns[collapse(p)] = at
		}
		if s.Default {
			if defaults = append(defaults, at); len(defaults) > 1 {
				fail("default", "%s is the default store already, expected one", defaults[0])
			}
		}
	}
}

func (s DataStore) checkProvider(fail func(member, format string, args ...any)) {
	if s.Provider != ProviderMongoDB && (s.URL != "" || s.URLEnv != "" || s.Database != "" || s.Collection != "") {
		fail("provider", "%s, but url, urlEnv, database and collection are of a store with provider mongodb", found(s.Provider))
	}
	if set := s.set(); s.Provider != ProviderMongoDB && len(set) > 0 {
		fail(set[0], "found a value, but only a store with provider mongodb has such a key; leave it out")
	}
	switch s.Provider {
	case ProviderMongoDB:
		s.checkMongo(fail)
	case ProviderMemory:
		if s.Dir != "" {
			fail("dir", "%s, but a store with provider memory has no folder; leave it out, or use provider embedded", found(s.Dir))
		}
		if s.Durability != "" && s.Durability != "none" {
			fail("durability", "%s, but a store with provider memory keeps nothing; leave it out, or use provider embedded", found(s.Durability))
		}
	case ProviderEmbedded, "":
		if _, ok := checkFolder(s.Dir); !ok {
			fail("dir", "%s, expected the path of a folder, or provider memory", found(s.Dir))
		}
		if s.Durability != "" && s.Durability != "sync" && s.Durability != "async" {
			fail("durability", "%s, expected sync or async, or provider memory", found(s.Durability))
		}
	default:
		fail("provider", "%s, expected embedded, memory or mongodb", found(s.Provider))
	}
}

func (s DataStore) checkMongo(fail func(member, format string, args ...any)) {
	if s.Dir != "" {
		fail("dir", "%s, but a store with provider mongodb has no folder; leave it out", found(s.Dir))
	}
	if s.Durability != "" {
		fail("durability", "%s, but a store with provider mongodb has w and j instead", found(s.Durability))
	}
	if s.URL != "" && s.URLEnv != "" {
		fail("urlEnv", "%s, but there is a url as well; keep one of them", found(s.URLEnv))
	}
	if s.URL != "" && !strings.HasPrefix(s.URL, "mongodb://") && !strings.HasPrefix(s.URL, "mongodb+srv://") {
		fail("url", "a text that is not shown since it may hold a password, expected mongodb://host:port or mongodb+srv://host")
	}
	if s.W == "0" {
		fail("w", "%s, with which nobody knows whether a write was made; use 1 or majority", found(s.W))
	}
}

func (d Data) checkIndexes(report reporter) {
	for i, x := range d.Indexes {
		fail := func(member, format string, args ...any) {
			report("data.indexes", fmt.Sprintf("[%d].%s", i, member), format, args...)
		}
		if len(x.Paths) == 0 {
			fail("paths", "found nothing, expected patterns of paths, such as [/users/*]")
		}
		for _, p := range x.Paths {
			if p == "" {
				fail("paths", "an empty pattern covers nothing; leave it out, or use * for every path")
			}
		}
		if len(x.Fields) == 0 {
			fail("fields", "found nothing, expected fields with 1 or -1, such as {region: 1, age: -1}")
		}
		seen := map[string]bool{}
		for _, f := range x.Fields {
			if f.Name == "" || strings.HasPrefix(f.Name, "$") || strings.HasPrefix(f.Name, ".") || strings.HasSuffix(f.Name, ".") || strings.Contains(f.Name, "..") {
				fail("fields", "the name %q is not that of a field", f.Name)
			}
			if seen[f.Name] {
				fail("fields", "the field %q stands here twice, expected once", f.Name)
			}
			seen[f.Name] = true
		}
	}
}

// collapse makes each run of '*' one, since that is what it means.
func collapse(pattern string) string {
	for strings.Contains(pattern, "**") {
		pattern = strings.ReplaceAll(pattern, "**", "*")
	}
	return pattern
}

// folder is the same text for the same folder, as far as its name tells.
func folder(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		return abs
	}
	return filepath.Clean(dir)
}

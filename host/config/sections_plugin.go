package config

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strings"
)

func trustSections() *sections {
	members := []Member{
		{"name", "whose key it is, for those who read the state of plugins and the log"},
		{"key", "public key in base64, as `happn-host plugin keygen` prints it"},
	}
	read := func(r *sectionReader, list []*node) any {
		var keys []PluginKey
		for i, n := range list {
			var k PluginKey
			r.section(fmt.Sprintf("plugins.trust[%d]", i), n, members, func(key string, f field) bool {
				switch f.name {
				case "name":
					return r.text(key, f, &k.Name)
				case "key":
					return r.text(key, f, &k.Key)
				}
				return false
			})
			keys = append(keys, k)
		}
		return keys
	}
	return &sections{read, members, strings.TrimPrefix(`
plugins:
  requireSigned: true
  trust:
    - name: operations
      key: 3nrFXuBsbN7bwyDKFnPTjGQwVsU8WmJwOYTtYKJ3kzA=
`, "\n")}
}

// checkTrust holds the rules about keys that sign plugins.
func (p Plugins) checkTrust(report reporter) {
	const trust = "plugins.trust"
	names := map[string]bool{}
	for i, k := range p.Trust {
		at := fmt.Sprintf("[%d]", i)
		if k.Name == "" || names[k.Name] {
			report(trust, at+".name", "%q, expected a name that no other key has", k.Name)
		}
		names[k.Name] = true
		raw, err := base64.StdEncoding.Strict().DecodeString(k.Key)
		if err != nil || len(raw) != ed25519.PublicKeySize || strings.ContainsAny(k.Key, "\r\n") {
			report(trust, at+".key", "%q, expected a public key of 44 characters, as happn-host plugin keygen prints it", k.Key)
		}
	}
	if p.RequireSigned && len(p.Trust) == 0 {
		report("plugins.requireSigned", "", "no plugin would run without a key in plugins.trust; add one")
	}
}

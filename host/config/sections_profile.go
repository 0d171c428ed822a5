package config

import (
	"encoding/json"
	"fmt"
	"strings"
)

// policyKeys are what a profile's policy may say.
var policyKeys = []string{"ttl", "inactivity_threshold", "usage_limit", "permissions",
	"disallowTokenLogins", "lockTokenToOrigin", "sourceIPWhitelist"}

func profileSections() *sections {
	members := []Member{
		{"name", "what the profile is called in errors and logs"},
		{"session", "filter on the session, in the language of criteria; names may have dots. `{}` matches every session"},
		{"policy", "what sessions get: `ttl` and `inactivity_threshold` (milliseconds or a text such as `4 hours`; 0 is no limit), `usage_limit` (requests), " +
			"`permissions` (as those of a user, in place of the user's), `disallowTokenLogins`, `lockTokenToOrigin` (`true`), `sourceIPWhitelist` (addresses or networks)"},
		{"plugin", "name of a plugin that decides in place of `policy`; `session` may be left out then. Plugins with a profile hook that no profile names decide before all profiles, in the order of their hooks"},
	}
	read := func(r *sectionReader, list []*node) any {
		var profiles []Profile
		for i, n := range list {
			var p Profile
			r.section(fmt.Sprintf("security.profiles[%d]", i), n, members, func(key string, f field) bool {
				switch f.name {
				case "name":
					return r.text(key, f, &p.Name)
				case "session":
					return r.object(key, f, &p.Session)
				case "policy":
					return r.object(key, f, &p.Policy)
				case "plugin":
					return r.text(key, f, &p.Plugin)
				}
				return false
			})
			profiles = append(profiles, p)
		}
		return profiles
	}
	return &sections{read, members, strings.TrimPrefix(`
security:
  profiles:
    - name: devices
      session: {user.username: {$regex: "^device-"}, type: 1}
      policy: {ttl: 30 days, sourceIPWhitelist: [10.0.0.0/8]}
    - name: reports
      session: {info.purpose: report}
      policy:
        usage_limit: 1000
        permissions: {"/reports/*": {actions: [get]}}
    - name: hours
      session: {user.groups.staff: {$exists: true}}
      plugin: business-hours
`, "\n")}
}

// object takes a section as the JSON object that it says.
func (r *sectionReader) object(key string, f field, into *json.RawMessage) bool {
	if f.value.form != formSection {
		r.fail(f.line, key, "%s, expected a section", f.value.describe())
		return true
	}
	*into = f.value.appendJSON(nil)
	return true
}

// appendJSON writes a node as the JSON that it stands for. A scalar without
// quotes is a number or a switch if it looks like one.
func (n *node) appendJSON(b []byte) []byte {
	switch n.form {
	case formList:
		b = append(b, '[')
		for i, item := range n.items {
			if i > 0 {
				b = append(b, ',')
			}
			b = item.appendJSON(b)
		}
		return append(b, ']')
	case formSection:
		b = append(b, '{')
		for i, f := range n.fields {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendText(b, f.name), ':')
			b = f.value.appendJSON(b)
		}
		return append(b, '}')
	case formNothing:
		return append(b, "null"...)
	}
	if bare := []byte(n.text); !n.quoted && json.Valid(bare) {
		return append(b, bare...)
	}
	return appendText(b, n.text)
}

func appendText(b []byte, s string) []byte {
	text, _ := json.Marshal(s) // a text cannot fail
	return append(b, text...)
}

package config

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// reporter is given the key that sources know, the place below it, and what is
// wrong.
type reporter func(key, below, format string, args ...any)

// checkTLS holds the rules between the keys about encryption.
func (t TLS) checkTLS(report reporter) {
	if t.CertFile != "" && t.KeyFile == "" {
		report("tls.certFile", "", "a certificate needs its private key; set tls.keyFile")
	}
	if t.KeyFile != "" && t.CertFile == "" {
		report("tls.keyFile", "", "a private key needs its certificate; set tls.certFile")
	}
	var ways []string
	for _, way := range []struct {
		key string
		on  bool
	}{{"tls.certFile", t.CertFile != ""}, {"tls.selfSigned", t.SelfSigned}, {"tls.acme.hosts", len(t.ACME.Hosts) > 0}} {
		if way.on {
			ways = append(ways, way.key)
		}
	}
	if len(ways) > 1 {
		report(ways[1], "", "certificates come from %s; keep one of them", strings.Join(ways, " and "))
	}
	if len(t.ACME.Hosts) > 0 && !t.ACME.AcceptTerms {
		report("tls.acme.acceptTerms", "", "an authority issues certificates to those who accept its terms; read them and set it to true")
	}
}

// checkSecurity holds the rules between the keys about access.
func (c Config) checkSecurity(report reporter) {
	if c.Security.AdminPassword == "happn" && !c.Security.AllowDefaultPassword {
		report("security.adminPassword", "", "this is the password of every happn-3 server that was told nothing; choose another, or set security.allowDefaultPassword")
	}
	if c.Security.Cookie.Set && c.Security.Cookie.SameSite == "none" && !c.TLS.Enabled() && len(c.Web.TrustedProxies) == 0 {
		report("security.cookie.sameSite", "", "browsers take such a cookie over TLS only; set up tls, name the proxy that does it in web.trustedProxies, or choose lax")
	}
	if c.Security.Token.Secret != "" && c.Security.Token.RotateEvery > 0 {
		report("security.token.rotateEvery", "", "a secret that is configured in security.token.secret is not replaced; keep one of them")
	}
	for i, p := range c.Security.Profiles {
		p.checkProfile(func(member, format string, args ...any) {
			report("security.profiles", fmt.Sprintf("[%d].%s", i, member), format, args...)
		})
	}
}

func (p Profile) checkProfile(fail func(member, format string, args ...any)) {
	if p.Name == "" {
		fail("name", "found nothing, expected what the profile is called")
	}
	if p.Plugin != "" && p.Policy != nil {
		fail("plugin", "decides in place of a policy; keep one of them")
	}
	for member, text := range map[string]json.RawMessage{"session": p.Session, "policy": p.Policy} {
		if p.Plugin != "" && text == nil {
			continue
		}
		var object map[string]json.RawMessage
		if text == nil || json.Unmarshal(text, &object) != nil || object == nil {
			fail(member, "%s, expected a section", found(string(text)))
			continue
		}
		if member == "session" {
			continue
		}
		for _, key := range sortedNames(object) {
			if !slices.Contains(policyKeys, key) {
				fail(member+"."+key, "is not a known key; did you mean %s?", nearest(key, policyKeys))
			}
		}
	}
}

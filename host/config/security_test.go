package config_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/config"
)

const twoProfiles = `
secure: true
security:
  profiles:
    - name: devices
      session: {user.username: {$regex: "^device-"}, type: 1, old: "1", on: true, none: null, list: [1, a]}
      policy: {ttl: 30 days, sourceIPWhitelist: [10.0.0.0/8]}
    - name: everybody
      session: {}
      policy:
        permissions: {"/a/*": {actions: [get, "*"]}}
`

func TestProfilesInEverySource(t *testing.T) {
	want := config.Default()
	want.Secure = true
	want.Security.Profiles = []config.Profile{
		{Name: "devices",
			Session: json.RawMessage(`{"user.username":{"$regex":"^device-"},"type":1,"old":"1","on":true,"none":null,"list":[1,"a"]}`),
			Policy:  json.RawMessage(`{"ttl":"30 days","sourceIPWhitelist":["10.0.0.0/8"]}`)},
		{Name: "everybody", Session: json.RawMessage(`{}`), Policy: json.RawMessage(`{"permissions":{"/a/*":{"actions":["get","*"]}}}`)},
	}
	text, err := json.Marshal(want.Security.Profiles)
	require.NoError(t, err)
	for name, s := range map[string]config.Sources{
		"YAML":        {File: write(t, "h.yaml", twoProfiles)},
		"JSON":        {File: write(t, "h.json", `{"secure":true,"security":{"profiles":`+string(text)+`}}`)},
		"environment": {Env: []string{"HAPPN_SECURE=true", "HAPPN_SECURITY_PROFILES=" + string(text)}},
		"flags":       {Flags: map[string]string{"secure": "true", "security.profiles": string(text)}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := config.Load(s)
			require.NoError(t, err)
			require.Equal(t, want, got)
			require.NoError(t, got.Validate())
		})
	}
}

func TestMistakesAboutSecurityAreNamed(t *testing.T) {
	for name, tc := range map[string]struct {
		content string
		want    []string
	}{
		"a password that everybody knows": {"security: {adminPassword: happn}",
			[]string{"file h.yaml line 1: security.adminPassword: this is the password of every happn-3 server that was told nothing; choose another, or set security.allowDefaultPassword"}},
		"a secret that is too long": {"security: {token: {secret: " + strings.Repeat("s3cret", 200) + "}}",
			[]string{"file h.yaml line 1: security.token.secret: found a text that is not shown, expected at least 32 random bytes and at most 1024, or nothing"}},
		"a secret that could be guessed": {"security: {token: {secret: too short a secret}}",
			[]string{"file h.yaml line 1: security.token.secret: found a text that is not shown, expected at least 32 random bytes and at most 1024, or nothing"}},
		"a password that is too long": {"security: {adminPassword: " + strings.Repeat("s3cret", 200) + "}",
			[]string{"file h.yaml line 1: security.adminPassword: found a text that is not shown, expected a text of at most 1024 bytes"}},
		"a fixed secret that is to change": {"security: {token: {secret: 0123456789abcdef0123456789abcdef, rotateEvery: 24h}}",
			[]string{"file h.yaml line 1: security.token.rotateEvery: a secret that is configured in security.token.secret is not replaced; keep one of them"}},
		"more memory than a stored hash may ask for": {"security: {password: {argon2MemoryMiB: 1025}}",
			[]string{`file h.yaml line 1: security.password.argon2MemoryMiB: found "1025", expected a whole number, 8 to 1024 MiB`}},
		"a certificate without a key": {"tls: {certFile: c.pem}",
			[]string{"file h.yaml line 1: tls.certFile: a certificate needs its private key; set tls.keyFile"}},
		"a key without a certificate": {"tls: {keyFile: k.pem}",
			[]string{"file h.yaml line 1: tls.keyFile: a private key needs its certificate; set tls.certFile"}},
		"two certificates": {"tls: {certFile: c.pem, keyFile: k.pem, selfSigned: true}",
			[]string{"file h.yaml line 1: tls.selfSigned: certificates come from tls.certFile and tls.selfSigned; keep one of them"}},
		"terms nobody accepted": {"tls: {acme: {hosts: [a.example], acceptTerms: false}}",
			[]string{"file h.yaml line 1: tls.acme.acceptTerms: an authority issues certificates to those who accept its terms; read them and set it to true"}},
		"a cookie for all sites in clear": {"security: {cookie: {set: true, sameSite: none}}",
			[]string{"file h.yaml line 1: security.cookie.sameSite: browsers take such a cookie over TLS only; set up tls, name the proxy that does it in web.trustedProxies, or choose lax"}},
		"a cookie with a name that is none": {"security: {cookie: {name: 'a b'}}",
			[]string{`file h.yaml line 1: security.cookie.name: found "a b", expected a name of letters, digits, - and _`}},
		"a profile without a filter": {"security: {profiles: [{name: a, policy: {}}]}",
			[]string{"file h.yaml line 1: security.profiles[0].session: found nothing, expected a section"}},
		"a profile without a name": {"security: {profiles: [{session: {}, policy: {}}]}",
			[]string{"file h.yaml line 1: security.profiles[0].name: found nothing, expected what the profile is called"}},
		"a policy with a typing error": {"security: {profiles: [{name: a, session: {}, policy: {tl: 1}}]}",
			[]string{"file h.yaml line 1: security.profiles[0].policy.tl: is not a known key; did you mean ttl?"}},
		"a filter that is a text": {"security: {profiles: [{name: a, session: all, policy: {}}]}",
			[]string{`file h.yaml line 1: security.profiles[0].session: found "all", expected a section`}},
		"a proxy by name": {"web: {trustedProxies: [proxy]}",
			[]string{`file h.yaml line 1: web.trustedProxies: found "[proxy]", expected a list of IP addresses or networks, such as 10.1.2.3 or 10.0.0.0/8`}},
	} {
		t.Run(name, func(t *testing.T) {
			file := write(t, "h.yaml", tc.content)
			_, err := config.Load(config.Sources{File: file})
			require.Equal(t, tc.want, problems(t, err, file))
		})
	}
}

func TestSecretsAreNotAmongTheChangedSettings(t *testing.T) {
	c := config.Default()
	c.Security.AdminPassword, c.Security.Token.Secret = "s3cret-a", "s3cret-b"
	for _, s := range c.Changed() {
		require.Equal(t, "(set)", s.Value, s.Name)
	}
	require.Len(t, c.Changed(), 2)
}

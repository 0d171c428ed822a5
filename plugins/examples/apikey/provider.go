package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/plugins/sdk"
)

// config is the plugin's configuration.
type config struct {
	// Path is where the documents are: signing and keys/<id> below it.
	Path string `json:"path"`
}

// signing is the document with the secrets. Those who make keys use the first;
// the others let keys serve that were made before.
type signing struct {
	Secrets []struct {
		ID     string `json:"id"`
		Secret string `json:"secret"`
	} `json:"secrets"`
}

// grant is the document of one key. Removing it takes the key back.
type grant struct {
	User     string `json:"user"`
	Expires  int64  `json:"expires"` // milliseconds since 1970; 0 is never
	Disabled bool   `json:"disabled"`
}

// provider checks keys.
type provider struct {
	path string
	now  func() time.Time
}

func (p *provider) configure(text []byte) error {
	var c config
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return err
	}
	if !strings.HasPrefix(c.Path, "/") || strings.HasSuffix(c.Path, "/") || strings.Contains(c.Path, "*") {
		return fmt.Errorf("path: %q must be a path such as /apikeys", c.Path)
	}
	p.path = c.Path
	return nil
}

// answer does what the host asks of a provider of logins.
func (p *provider) answer(c *sdk.Credentials) sdk.Verdict {
	switch c.Operation {
	case abi.OperationLogin:
		return p.login(c)
	case abi.OperationToken:
		return p.token(c.Username)
	}
	return sdk.Pass()
}

func (p *provider) login(c *sdk.Credentials) sdk.Verdict {
	k, isKey, valid := parseKey(c.Text("password"))
	switch {
	case !isKey:
		return sdk.Pass() // a password, which is another provider's to check
	case !valid:
		return sdk.Reject("the key is misspelt")
	}
	signed, err := p.signed(k)
	if err != nil {
		return sdk.Fail(err.Error())
	}
	if !signed {
		return sdk.Reject("the key is not signed by any secret that counts")
	}
	g, err := p.grant(k.id)
	switch {
	case errors.Is(err, sdk.ErrNotFound):
		return sdk.Reject("the key was taken back")
	case err != nil:
		return sdk.Fail(err.Error())
	case !p.holds(g) || g.User != c.Username:
		return sdk.Reject("the key does not count, or is another user's")
	}
	return sdk.LogIn(g.User)
}

// signed reports whether the secret that a key names has signed it.
func (p *provider) signed(k key) (bool, error) {
	doc, err := sdk.Get(p.path + "/signing")
	if err != nil {
		return false, fmt.Errorf("read %s/signing: %w", p.path, err)
	}
	var s signing
	if err := json.Unmarshal(doc.Data, &s); err != nil {
		return false, fmt.Errorf("%s/signing must be {\"secrets\": [{\"id\", \"secret\"}]}", p.path) // no word of what is in it
	}
	for _, candidate := range s.Secrets {
		if candidate.ID != k.signer {
			continue
		}
		if len(candidate.Secret) < minSecret {
			return false, fmt.Errorf("%s/signing: the secret %s is shorter than %d bytes: make another", p.path, candidate.ID, minSecret)
		}
		return k.signedBy(candidate.Secret), nil
	}
	return false, nil
}

// grant reads the document of a key.
func (p *provider) grant(id string) (g grant, err error) {
	doc, err := sdk.Get(p.path + "/keys/" + id)
	if err == nil {
		if json.Unmarshal(doc.Data, &g) != nil {
			err = fmt.Errorf("%s must be {\"user\", \"expires\", \"disabled\"}", doc.Path)
		}
	}
	return g, err
}

// holds reports whether a key counts at this moment.
func (p *provider) holds(g grant) bool {
	return !g.Disabled && (g.Expires == 0 || p.now().UnixMilli() < g.Expires)
}

// token lets a session's token serve for as long as its user has a key.
func (p *provider) token(username string) sdk.Verdict {
	criteria, _ := json.Marshal(map[string]any{"criteria": map[string]any{"user": map[string]any{"$eq": username}}}) // texts: cannot fail
	for doc, err := range sdk.Find(p.path+"/keys/*", criteria) {
		if err != nil {
			return sdk.Fail(err.Error())
		}
		var g grant
		if json.Unmarshal(doc.Data, &g) == nil && g.User == username && p.holds(g) {
			return sdk.Pass()
		}
	}
	return sdk.Reject("no key of " + username + " counts any more")
}

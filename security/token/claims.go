package token

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/happn-host/happn-host/internal/rawjson"
	"github.com/happn-host/happn-host/security/policy"
)

// Claims are what a token says. The registered claims are iss, sub, jti, iat
// and exp; the others have the names that happn-3's sessions have.
type Claims struct {
	ID        string // jti: of this token; Sign chooses one where it is empty
	SessionID string // of the session for which it was made
	ParentID  string
	Origin    string // iss: name of the server
	Username  string // sub
	UserID    string
	AuthType  string // key of the provider that checked the credentials, "" is the default
	Type      int    // 0 stateless, 1 stateful
	Timestamp int64  // of the login, Unix time in ms
	Expires   int64  // Unix time in ms after which it serves no purpose; 0 is never. Sign sets it
	Policy    [2]*policy.Policy
	Info      []byte // of the login request, raw JSON object or nil

	// Foreign is set for a token that a happn-3 server has made.
	Foreign bool
}

// maxInfo bounds what a client's own info adds to its token; of a longer one
// only what the server looks at is kept.
const maxInfo = 2048

// expires is the time after which neither kind of session may use the token.
func (c *Claims) expires() int64 {
	longest := int64(0)
	for _, p := range c.Policy {
		if p.TTL <= 0 {
			return 0
		}
		longest = max(longest, p.TTL)
	}
	return c.Timestamp + longest
}

func (c *Claims) appendJSON(dst []byte) []byte {
	dst = append(dst, '{')
	dst = text(dst, "iss", c.Origin)
	dst = text(dst, "sub", c.Username)
	dst = text(dst, "jti", c.ID)
	dst = number(dst, "iat", c.Timestamp/1000)
	if c.Expires > 0 {
		dst = number(dst, "exp", (c.Expires+999)/1000)
	}
	dst = text(dst, "id", c.SessionID)
	dst = text(dst, "parentId", c.ParentID)
	dst = number(dst, "type", int64(c.Type))
	dst = number(dst, "timestamp", c.Timestamp)
	dst = text(dst, "userid", c.UserID)
	if c.AuthType != "" {
		dst = text(dst, "authType", c.AuthType)
	}
	dst = policy.AppendBoth(append(dst, `"policy":`...), c.Policy)
	if info := shortened(c.Info); info != nil {
		dst = append(append(dst, `,"info":`...), info...)
	}
	return append(dst, '}')
}

func text(dst []byte, name, value string) []byte {
	dst = append(rawjson.AppendString(dst, name), ':')
	return append(rawjson.AppendString(dst, value), ',')
}

func number(dst []byte, name string, n int64) []byte {
	dst = append(rawjson.AppendString(dst, name), ':')
	return append(strconv.AppendInt(dst, n, 10), ',')
}

// shortened is the info as far as a token carries it.
func shortened(info []byte) []byte {
	if len(info) <= maxInfo {
		return info
	}
	if browser, ok := rawjson.Lookup(info, "_browser"); ok && string(browser) == "true" {
		return []byte(`{"_browser":true}`)
	}
	return nil
}

// parse reads a payload whose signature was good: ours, or the unpacked one of
// a happn-3 server.
func (c *Claims) parse(payload []byte, foreign bool) error {
	if err := new(rawjson.Scanner).Valid(payload); err != nil {
		return err
	}
	if !rawjson.IsObject(payload) {
		return errors.New("the payload is no object")
	}
	c.Foreign, c.Type = foreign, -1
	for name, val := range rawjson.Members(payload) {
		if err := c.set(string(name), val); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if foreign && c.Expires == 0 && c.Policy[0] != nil && c.Policy[1] != nil {
		c.Expires = c.expires()
	}
	switch {
	case c.Username == "" || c.SessionID == "":
		return errors.New("it names no user or no session")
	case c.Type != 0 && c.Type != 1:
		return errors.New("it has no type")
	case c.Timestamp <= 0:
		return errors.New("it has no timestamp")
	case c.Policy[0] == nil || c.Policy[1] == nil:
		return errors.New("it has no policy")
	}
	return nil
}

func (c *Claims) set(name string, val []byte) (err error) {
	into := func(s *string) { *s = string(rawjson.Unquote(val)) }
	switch name {
	case "sub", "username":
		if c.Foreign == (name == "username") {
			into(&c.Username)
		}
	case "iss", "origin":
		if c.Foreign == (name == "origin") {
			into(&c.Origin)
		}
	case "jti":
		into(&c.ID)
	case "id":
		into(&c.SessionID)
	case "parentId":
		into(&c.ParentID)
	case "userid":
		into(&c.UserID)
	case "authType":
		into(&c.AuthType)
	case "type":
		c.Type, err = strconv.Atoi(string(val))
	case "timestamp":
		c.Timestamp, err = strconv.ParseInt(string(val), 10, 64)
	case "exp":
		c.Expires, err = strconv.ParseInt(string(val), 10, 64)
		c.Expires *= 1000
	case "info":
		if rawjson.IsObject(val) {
			c.Info = append([]byte(nil), val...)
		}
	case "policy":
		err = c.policies(val)
	}
	return err
}

func (c *Claims) policies(val []byte) (err error) {
	for name, raw := range rawjson.Members(val) {
		switch string(name) {
		case "0":
			c.Policy[0], err = policy.Parse(raw)
		case "1":
			c.Policy[1], err = policy.Parse(raw)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

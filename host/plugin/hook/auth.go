package hook

import (
	"github.com/happn-host/happn-host/host/plugin/object"
	"github.com/happn-host/happn-host/host/plugin/pattern"
)

// Auth says which logins a plugin checks.
type Auth struct {
	// Provider is the kind of its credentials: what clients call authType.
	Provider string
	// Users are the names as which its credentials may log in, with * for any
	// text. Only an operator's file sets it. The administrator must be named.
	Users []string
	// CreateUsers is set when users that it names are made if the directory has
	// none of their name. Only an operator's file sets it.
	CreateUsers *CreateUsers

	users []pattern.Pattern
}

// CreateUsers says what becomes of users that are made for a plugin.
type CreateUsers struct {
	Groups []string // into which they are put
}

// adminUser is the one user that no pattern covers.
const adminUser = "_ADMIN"

func readAuth(t *object.Reader) *Auth {
	a := &Auth{}
	if t.Name("provider", &a.Provider); a.Provider == "happn" || a.Provider == "default" {
		t.Fail("provider", "%q is the host's own; choose another name", a.Provider)
	}
	a.Users, _ = t.Texts("users")
	t.Object("createUsers", func(c *object.Reader) {
		a.CreateUsers = &CreateUsers{}
		a.CreateUsers.Groups, _ = c.Texts("groups")
	})
	return a
}

// with returns a with what the operator says.
func (a *Auth) with(o *Auth) *Auth {
	if a == nil {
		return nil
	}
	out := &Auth{Provider: a.Provider}
	if o == nil {
		return out
	}
	if o.Provider != "" {
		out.Provider = o.Provider
	}
	out.Users, out.CreateUsers = o.Users, o.CreateUsers
	for _, user := range o.Users {
		out.users = append(out.users, pattern.New(user))
	}
	return out
}

// MayBe reports whether its credentials may log in as a user.
func (a *Auth) MayBe(username string) bool {
	for i, user := range a.Users {
		if user == username || username != adminUser && a.users[i].Match([]byte(username)) {
			return true
		}
	}
	return false
}

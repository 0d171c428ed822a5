package admin

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/happn-host/happn-host/security"
)

func (a *API) userRoutes() []Route {
	body := object(map[string]any{
		"password": text("needed for a new user without publicKey"), "publicKey": text("of logins with a digest"),
		"authType": text("authentication provider"), "custom_data": map[string]any{"description": "whatever the application keeps there"},
		"permissions": permissionSchema(),
	})
	return []Route{
		{Method: http.MethodGet, Path: "/users", Summary: "List users", Query: append(listParameters[:len(listParameters):len(listParameters)],
			Parameter{Name: "group", Meaning: "only the users of this group"}), Answers: "users, without passwords", answer: a.listUsers},
		{Method: http.MethodGet, Path: "/users/{user}", Summary: "Show a user with its permissions and groups", Answers: "the user", answer: a.showUser},
		{Method: http.MethodPut, Path: "/users/{user}", Summary: "Make or change a user", Body: body,
			Query: []Parameter{{Name: "create", Meaning: "true refuses to change a user that is there"}}, Answers: "the user", answer: a.putUser},
		{Method: http.MethodDelete, Path: "/users/{user}", Summary: "Delete a user and end its sessions", Answers: "what was removed", answer: a.deleteUser},
		{Method: http.MethodPut, Path: "/users/{user}/groups/{group}", Summary: "Put a user into a group",
			Body: map[string]any{"type": "object", "description": "data of the link, often {}"}, Answers: "what was done", answer: a.link},
		{Method: http.MethodDelete, Path: "/users/{user}/groups/{group}", Summary: "Take a user out of a group", Answers: "what was removed", answer: a.unlink},
	}
}

func userJSON(u *security.User) json.RawMessage { return u.AppendJSON(nil, true) }

func (a *API) listUsers(c *call) (any, error) {
	options, err := c.listing()
	if err != nil {
		return nil, err
	}
	var users []*security.User
	if group := c.query.Get("group"); group != "" {
		users, err = a.options.Directory.UsersOf(c.request.Context(), group, options)
	} else {
		users, err = a.options.Directory.Users(c.request.Context(), c.query.Get("name"), options)
	}
	if err != nil {
		return nil, err
	}
	list := make([]json.RawMessage, len(users))
	for i, u := range users {
		list[i] = userJSON(u)
	}
	return list, nil
}

func (a *API) showUser(c *call) (any, error) {
	u, ok := a.options.Directory.User(c.param("user"))
	if !ok {
		return nil, missing("user", c.param("user"))
	}
	return userJSON(u), nil
}

func (a *API) putUser(c *call) (any, error) {
	raw, err := named(c.body, "username", c.param("user"))
	if err != nil {
		return nil, err
	}
	u, err := a.options.Directory.UpsertUser(c.request.Context(), raw, c.query.Get("create") != "true")
	if err != nil {
		return nil, err
	}
	return userJSON(u), nil
}

// named returns the object with the name that stands in the path. Another name
// in the object is a mistake, and no way around the permission for the path.
func named(raw []byte, member, name string) ([]byte, error) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(raw, &object); err != nil {
		return nil, bad("the body has to be a JSON object")
	}
	own, _ := json.Marshal(name) // a text cannot fail
	var given string
	if text := object[member]; text != nil && (json.Unmarshal(text, &given) != nil || given != name) {
		return nil, bad(fmt.Sprintf("%s in the body has to be left out, or what stands in the path", member))
	}
	object[member] = own
	return json.Marshal(object)
}

func (a *API) deleteUser(c *call) (any, error) {
	removed, err := a.options.Directory.RemoveUser(c.request.Context(), c.param("user"))
	return removal(removed, err, "user", c.param("user"))
}

// removal answers a request to remove something.
func removal(removed bool, err error, kind, name string) (any, error) {
	switch {
	case err != nil:
		return nil, err
	case !removed:
		return nil, missing(kind, name)
	}
	return map[string]string{"removed": name}, nil
}

func (a *API) link(c *call) (any, error) {
	user, group := c.param("user"), c.param("group")
	if err := a.options.Directory.Link(c.request.Context(), group, user, c.body); err != nil {
		return nil, err
	}
	return map[string]string{"user": user, "group": group}, nil
}

func (a *API) unlink(c *call) (any, error) {
	removed, err := a.options.Directory.Unlink(c.request.Context(), c.param("group"), c.param("user"))
	return removal(removed, err, "link of "+c.param("user")+" with group", c.param("group"))
}

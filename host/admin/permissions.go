package admin

import (
	"net/http"

	"github.com/happn-host/happn-host/security"
)

func (a *API) permissionRoutes() []Route {
	body := object(map[string]any{
		"path": text("permission path"), "action": text("get, set, on, remove, put, post, delete, head, options or *"),
		"authorized": yesNo("false prohibits; left out it is true"),
	}, "path", "action")
	taken := []Parameter{{Name: "path", Meaning: "permission path; left out: every one"}, {Name: "action", Meaning: "left out: every one"}}
	var routes []Route
	for _, of := range []struct{ kind, at string }{{"user", "/users/{user}/permissions"}, {"group", "/groups/{group}/permissions"}} {
		routes = append(routes,
			Route{Method: http.MethodGet, Path: of.at, Summary: "List the permissions of a " + of.kind, Answers: "permissions, of the " + of.kind + "'s own",
				answer: func(c *call) (any, error) { return a.permissions(c, of.kind) }},
			Route{Method: http.MethodPut, Path: of.at, Summary: "Give a " + of.kind + " a permission", Body: body, Answers: "the permission",
				answer: func(c *call) (any, error) { return a.permit(c, of.kind) }},
			Route{Method: http.MethodDelete, Path: of.at, Summary: "Take permissions from a " + of.kind, Query: taken, Answers: "the number that was removed",
				answer: func(c *call) (any, error) { return a.withdraw(c, of.kind) }})
	}
	return routes
}

// holder returns the user or group that a path names.
func (a *API) holder(c *call, kind string) (Holder, error) {
	h := Holder{Group: kind == "group", Name: c.param(kind)}
	there := false
	if h.Group {
		_, there = a.options.Directory.Group(h.Name)
	} else {
		_, there = a.options.Directory.User(h.Name)
	}
	if !there {
		return h, missing(kind, h.Name)
	}
	return h, nil
}

func (a *API) permissions(c *call, kind string) (any, error) {
	h, err := a.holder(c, kind)
	if err != nil {
		return nil, err
	}
	return append([]security.Granted{}, a.options.Directory.Granted(h)...), nil
}

func (a *API) permit(c *call, kind string) (any, error) {
	h, err := a.holder(c, kind)
	if err != nil {
		return nil, err
	}
	g := security.Granted{Authorized: true}
	if err := c.decode(&g); err != nil {
		return nil, err
	}
	if _, ok := security.ParseAction(g.Action); !ok || g.Path == "" {
		return nil, bad("a permission has a path, and one of the actions get, set, on, remove, put, post, delete, head, options and *")
	}
	return g, a.options.Directory.Permit(c.request.Context(), h, g)
}

func (a *API) withdraw(c *call, kind string) (any, error) {
	h, err := a.holder(c, kind)
	if err != nil {
		return nil, err
	}
	removed, err := a.options.Directory.Withdraw(c.request.Context(), h, c.query.Get("path"), c.query.Get("action"))
	return map[string]int{"removed": removed}, err
}

package admin

import (
	"encoding/json"
	"net/http"

	"github.com/happn-host/happn-host/security"
)

func (a *API) groupRoutes() []Route {
	body := object(map[string]any{
		"custom_data": map[string]any{"description": "whatever the application keeps there"}, "permissions": permissionSchema(),
	})
	return []Route{
		{Method: http.MethodGet, Path: "/groups", Summary: "List groups", Query: listParameters, Answers: "groups", answer: a.listGroups},
		{Method: http.MethodGet, Path: "/groups/{group}", Summary: "Show a group with its permissions", Answers: "the group", answer: a.showGroup},
		{Method: http.MethodPut, Path: "/groups/{group}", Summary: "Make or change a group", Body: body, Answers: "the group", answer: a.putGroup,
			Query: []Parameter{{Name: "create", Meaning: "true refuses to change a group that is there"}, {Name: "parent", Meaning: "group that it is a part of"}}},
		{Method: http.MethodDelete, Path: "/groups/{group}", Summary: "Delete a group", Answers: "what was removed", answer: a.deleteGroup},
	}
}

func groupJSON(g *security.Group) json.RawMessage { return g.AppendJSON(nil) }

func (a *API) listGroups(c *call) (any, error) {
	options, err := c.listing()
	if err != nil {
		return nil, err
	}
	groups, err := a.options.Directory.ListGroups(c.request.Context(), c.query.Get("name"), options)
	if err != nil {
		return nil, err
	}
	list := make([]json.RawMessage, len(groups))
	for i, g := range groups {
		list[i] = groupJSON(g)
	}
	return list, nil
}

func (a *API) showGroup(c *call) (any, error) {
	g, ok := a.options.Directory.Group(c.param("group"))
	if !ok {
		return nil, missing("group", c.param("group"))
	}
	return groupJSON(g), nil
}

func (a *API) putGroup(c *call) (any, error) {
	raw, err := named(c.body, "name", c.param("group"))
	if err != nil {
		return nil, err
	}
	g, err := a.options.Directory.UpsertGroup(c.request.Context(), raw, c.query.Get("parent"), c.query.Get("create") != "true")
	if err != nil {
		return nil, err
	}
	return groupJSON(g), nil
}

func (a *API) deleteGroup(c *call) (any, error) {
	removed, err := a.options.Directory.RemoveGroup(c.request.Context(), c.param("group"))
	return removal(removed, err, "group", c.param("group"))
}

package admin

import (
	"context"
	"net/http"

	"github.com/happn-host/happn-host/security"
)

// lookupChange gives or takes a lookup permission.
type lookupChange func(ctx context.Context, group string, p security.LookupPermission) error

func (a *API) lookupRoutes() []Route {
	permission := object(map[string]any{
		"regex": text("regular expression that the path of a request has to match"), "actions": texts("what is allowed"),
		"table": text("lookup table"), "path": text("what has to be in the table; {{$1}} is the first group of regex"),
	}, "regex", "actions", "table", "path")
	return []Route{
		{Method: http.MethodGet, Path: "/lookup-tables", Summary: "List lookup tables", Answers: "names", answer: func(*call) (any, error) {
			return append([]string{}, a.options.Directory.LookupTables()...), nil
		}},
		{Method: http.MethodGet, Path: "/lookup-tables/{table}", Summary: "Show a lookup table", Answers: "the table with its paths", answer: a.showTable},
		{Method: http.MethodPut, Path: "/lookup-tables/{table}", Summary: "Add paths to a lookup table, which is made if it is missing",
			Body: object(map[string]any{"paths": texts("without a slash before them")}, "paths"), Answers: "the table", answer: a.putTable},
		{Method: http.MethodDelete, Path: "/lookup-tables/{table}", Summary: "Remove a path from a lookup table, or the whole table",
			Query: []Parameter{{Name: "path", Meaning: "path to remove; left out: the table"}}, Answers: "what was removed", answer: a.deleteTable},
		{Method: http.MethodGet, Path: "/groups/{group}/lookup-permissions", Summary: "List the lookup permissions of a group", Answers: "lookup permissions",
			answer: func(c *call) (any, error) {
				h, err := a.holder(c, "group")
				return append([]security.LookupPermission{}, a.options.Directory.LookupPermissions(h.Name)...), err
			}},
		{Method: http.MethodPut, Path: "/groups/{group}/lookup-permissions", Summary: "Give a group a lookup permission", Body: permission, Answers: "the permission",
			answer: func(c *call) (any, error) { return a.lookupPermission(c, a.options.Directory.UpsertLookupPermission) }},
		{Method: http.MethodDelete, Path: "/groups/{group}/lookup-permissions", Summary: "Take a lookup permission from a group", Body: permission, Answers: "the permission",
			answer: func(c *call) (any, error) { return a.lookupPermission(c, a.options.Directory.RemoveLookupPermission) }},
	}
}

func (a *API) showTable(c *call) (any, error) {
	t := a.options.Directory.LookupTable(c.param("table"))
	if len(t.Paths) == 0 {
		return nil, missing("lookup table", c.param("table"))
	}
	return t, nil
}

func (a *API) putTable(c *call) (any, error) {
	t := security.LookupTable{}
	var body struct {
		Paths []string `json:"paths"`
	}
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	t.Name, t.Paths = c.param("table"), body.Paths
	if err := a.options.Directory.UpsertLookupTable(c.request.Context(), t); err != nil {
		return nil, err
	}
	return a.options.Directory.LookupTable(t.Name), nil
}

func (a *API) deleteTable(c *call) (any, error) {
	table, path := c.param("table"), c.query.Get("path")
	if path != "" {
		return map[string]string{"removed": path}, a.options.Directory.RemoveLookupPath(c.request.Context(), table, path)
	}
	return map[string]string{"removed": table}, a.options.Directory.DeleteLookupTable(c.request.Context(), table)
}

func (a *API) lookupPermission(c *call, do lookupChange) (any, error) {
	h, err := a.holder(c, "group")
	if err != nil {
		return nil, err
	}
	var p security.LookupPermission
	if err := c.decode(&p); err != nil {
		return nil, err
	}
	return p, do(c.request.Context(), h.Name, p)
}

package admin

import (
	"context"
	"net/http"
	"strconv"
)

// Plugins are the plugins of a host, as JSON. They are named by their names or
// those of their files. Errors that the caller is to see are *Refusal.
type Plugins interface {
	List() any
	Show(name string) (any, error)
	// Disable ends a plugin until Enable; by says who wants it.
	Disable(ctx context.Context, name, by string) (any, error)
	Enable(ctx context.Context, name string) (any, error)
	// Reload loads the files of a plugin again.
	Reload(ctx context.Context, name string) (any, error)
	// Promote puts the canary of a plugin in the plugin's place, Rollback ends it; by
	// says who wants it.
	Promote(ctx context.Context, name, by string) (any, error)
	Rollback(ctx context.Context, name, by string) (any, error)
	// Logs returns the last lines, at most so many, of those with a number above
	// after.
	Logs(name string, after uint64, lines int) (any, error)
}

func (a *API) pluginRoutes() []Route {
	const plugin = "the plugin as it is then"
	return []Route{
		{Method: http.MethodGet, Path: "/plugins", Summary: "List plugins", Answers: "plugins, by the names of their files",
			answer: func(*call) (any, error) { return a.options.Plugins.List(), nil }},
		{Method: http.MethodGet, Path: "/plugins/{plugin}", Summary: "Show a plugin", Answers: "the plugin",
			answer: func(c *call) (any, error) { return a.options.Plugins.Show(c.param("plugin")) }},
		{Method: http.MethodPost, Path: "/plugins/{plugin}/disable", Summary: "End a plugin until it is enabled, also over restarts", Answers: plugin,
			answer: func(c *call) (any, error) {
				return a.options.Plugins.Disable(c.request.Context(), c.param("plugin"), a.actor(c))
			}},
		{Method: http.MethodPost, Path: "/plugins/{plugin}/enable", Summary: "Run a plugin that was disabled", Answers: plugin,
			answer: func(c *call) (any, error) {
				return a.options.Plugins.Enable(c.request.Context(), c.param("plugin"))
			}},
		{Method: http.MethodPost, Path: "/plugins/{plugin}/reload", Summary: "Load the files of a plugin again, though they have not changed", Answers: plugin,
			answer: func(c *call) (any, error) {
				return a.options.Plugins.Reload(c.request.Context(), c.param("plugin"))
			}},
		{Method: http.MethodPost, Path: "/plugins/{plugin}/promote", Summary: "Put the canary of a plugin in the plugin's place", Answers: plugin,
			answer: func(c *call) (any, error) {
				return a.options.Plugins.Promote(c.request.Context(), c.param("plugin"), a.actor(c))
			}},
		{Method: http.MethodPost, Path: "/plugins/{plugin}/rollback", Summary: "End the canary of a plugin, and do not try it again before it changes", Answers: plugin,
			answer: func(c *call) (any, error) {
				return a.options.Plugins.Rollback(c.request.Context(), c.param("plugin"), a.actor(c))
			}},
		{Method: http.MethodGet, Path: "/plugins/{plugin}/logs", Summary: "Tell what happened to a plugin last, and what it logged",
			Query: []Parameter{{Name: "lines", Meaning: "number that is told at most; left out: 100"},
				{Name: "after", Meaning: "number of a line, to have only those behind it"}},
			Answers: "lines, the oldest first", answer: a.pluginLogs},
	}
}

// actor returns who makes a request, "" if that is not known.
func (a *API) actor(c *call) string {
	if a.options.Actor == nil {
		return ""
	}
	by, _ := a.options.Actor(c.request)
	return by
}

func (a *API) pluginLogs(c *call) (any, error) {
	lines, err := c.number("lines", 100)
	if err != nil {
		return nil, err
	}
	after := uint64(0)
	if text := c.query.Get("after"); text != "" {
		if after, err = strconv.ParseUint(text, 10, 64); err != nil {
			return nil, bad("the parameter after has to be a whole number")
		}
	}
	return a.options.Plugins.Logs(c.param("plugin"), after, lines)
}

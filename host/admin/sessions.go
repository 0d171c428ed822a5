package admin

import (
	"encoding/json"
	"net/http"
)

func (a *API) sessionRoutes() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/sessions", Summary: "List open sessions", Answers: "sessions, without tokens", answer: func(*call) (any, error) {
			return append([]json.RawMessage{}, a.options.Sessions.List()...), nil
		}},
		{Method: http.MethodGet, Path: "/sessions/{session}", Summary: "Show a session", Answers: "the session", answer: func(c *call) (any, error) {
			record, ok := a.options.Sessions.Session(c.param("session"))
			if !ok {
				return nil, missing("session", c.param("session"))
			}
			return record, nil
		}},
		{Method: http.MethodDelete, Path: "/sessions/{session}", Summary: "Disconnect a session", Answers: "what was done",
			Query: []Parameter{{Name: "reason", Meaning: "what its client is told"}}, answer: a.disconnect},
	}
}

func (a *API) disconnect(c *call) (any, error) {
	reason := c.query.Get("reason")
	if reason == "" {
		reason = "disconnected by the operator"
	}
	return removal(a.options.Sessions.Disconnect(c.param("session"), reason), nil, "session", c.param("session"))
}

func (a *API) statusRoutes() []Route {
	return []Route{{Method: http.MethodGet, Path: "/health", Summary: "Tell how the host is, and count what it does", Answers: "health",
		answer: func(c *call) (any, error) { return a.options.Status.Health(c.request.Context()), nil }}}
}

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

func (a *API) activityRoutes() []Route {
	return []Route{{Method: http.MethodGet, Path: "/activity", Summary: "List what each session asked for last", Answers: "activity, by the ids of the sessions",
		Query: []Parameter{{Name: "session", Meaning: "id of the only session to look at"}, {Name: "skip", Meaning: "number that is left out before"},
			{Name: "limit", Meaning: "number that is listed at most; left out: 1000"}}, answer: a.activity}}
}

func (a *API) activity(c *call) (any, error) {
	if a.options.Activity == nil {
		return nil, &Refusal{http.StatusConflict, "session activity logging not activated; set security.activity.enabled on a host with access control"}
	}
	skip, err := c.number("skip", 0)
	if err != nil {
		return nil, err
	}
	limit, err := c.number("limit", 1000)
	if err != nil {
		return nil, err
	}
	return a.options.Activity.List(c.request.Context(), c.query.Get("session"), skip, limit)
}

func (a *API) disconnect(c *call) (any, error) {
	reason := c.query.Get("reason")
	if reason == "" {
		reason = "disconnected by the operator"
	}
	done, err := a.options.Sessions.Disconnect(c.param("session"), reason)
	return removal(done, err, "session", c.param("session"))
}

func (a *API) statusRoutes() []Route {
	return []Route{{Method: http.MethodGet, Path: "/health", Summary: "Tell how the host is, and count what it does", Answers: "health",
		answer: func(c *call) (any, error) { return a.options.Status.Health(c.request.Context()), nil }}}
}

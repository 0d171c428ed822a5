package admin

import (
	"net/http"
	"time"
)

func (a *API) tokenRoutes() []Route {
	which := map[string]any{"token": text("text of the token"), "session": text("in place of the token: id of an open session that has it")}
	return []Route{
		{Method: http.MethodGet, Path: "/tokens/revoked", Summary: "List revoked tokens", Answers: "revocations, with ids in place of the tokens", answer: func(*call) (any, error) {
			return a.options.Tokens.Revoked(), nil
		}},
		{Method: http.MethodPost, Path: "/tokens/revoke", Summary: "Revoke a token and end its sessions", Answers: "what was done",
			Body: object(map[string]any{"token": which["token"], "session": which["session"], "reason": text("for those who list revocations")}), answer: a.revoke},
		{Method: http.MethodPost, Path: "/tokens/restore", Summary: "Let a revoked token serve again", Answers: "what was done",
			Body: object(map[string]any{"id": text("id of the revocation"), "token": text("in place of the id: text of the token")}), answer: a.restore},
		{Method: http.MethodGet, Path: "/tokens/keys", Summary: "List the keys that sign tokens", Answers: "keys, the newest first, without secrets", answer: func(*call) (any, error) {
			return a.options.Tokens.Keys(), nil
		}},
		{Method: http.MethodPost, Path: "/tokens/keys", Summary: "Make a new key, which signs tokens from now on", Answers: "keys, the newest first, without secrets",
			Body: object(map[string]any{"grace": text("time that tokens of older keys are accepted, such as 24h; 0s ends them at once; left out: as configured")}), answer: a.rotate},
		{Method: http.MethodPost, Path: "/users/{user}/unlock", Summary: "Let a user that too many wrong passwords have locked log in again", Answers: "what was done",
			answer: func(c *call) (any, error) {
				a.options.Tokens.Unlock(c.param("user"))
				return map[string]string{"unlocked": c.param("user")}, nil
			}},
	}
}

func (a *API) revoke(c *call) (any, error) {
	var body struct{ Token, Session, Reason string }
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	if (body.Token == "") == (body.Session == "") {
		return nil, bad("name the token, or a session that has it")
	}
	if body.Reason == "" {
		body.Reason = "by the operator"
	}
	done := map[string]bool{"revoked": true}
	if body.Session == "" {
		return done, a.options.Tokens.Revoke(c.request.Context(), body.Token, body.Reason)
	}
	there, err := a.options.Tokens.RevokeSession(c.request.Context(), body.Session, body.Reason)
	if err == nil && !there {
		err = &Refusal{http.StatusNotFound, "there is no session " + body.Session + " that has logged in"}
	}
	return done, err
}

func (a *API) restore(c *call) (any, error) {
	var body struct{ ID, Token string }
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	if (body.Token == "") == (body.ID == "") {
		return nil, bad("name the revocation by its id, or the token")
	}
	return map[string]bool{"restored": true}, a.options.Tokens.Restore(c.request.Context(), body.ID+body.Token)
}

func (a *API) rotate(c *call) (any, error) {
	var body struct{ Grace *string }
	if err := c.decode(&body); err != nil {
		return nil, err
	}
	var grace *time.Duration
	if body.Grace != nil {
		d, err := time.ParseDuration(*body.Grace)
		if err != nil || d < 0 {
			return nil, bad("grace has to be a duration with a unit, such as 24h, 30m or 0s")
		}
		grace = &d
	}
	if err := a.options.Tokens.Rotate(c.request.Context(), grace); err != nil {
		return nil, err
	}
	return a.options.Tokens.Keys(), nil
}

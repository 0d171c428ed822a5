package web

import (
	"net/http"
	"strings"
)

// tokenOf returns the token of a request, and whether a browser sent it by
// itself, as it does with cookies (happn-wire.md, 8.11).
func (s *Server) tokenOf(r *http.Request) (token string, ambient bool) {
	for _, name := range []string{s.cookieName(r), s.options.Cookie.Name} {
		if c, err := r.Cookie(name); err == nil && c.Value != "" {
			return c.Value, true
		}
	}
	if token := r.URL.Query().Get("happn_token"); token != "" {
		return token, false
	}
	// happn-3 takes "Bearer" in this case only.
	token, _ = strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if token == r.Header.Get("Authorization") {
		return "", false
	}
	return token, false
}

// cookieName returns the name of the cookie on the connection of a request
// (happn-wire.md, 8.10).
func (s *Server) cookieName(r *http.Request) string {
	if s.options.Cookie.HTTPS && s.encrypted(r) {
		return s.options.Cookie.Name + "_https"
	}
	return s.options.Cookie.Name
}

// cookie returns the cookie to set; an empty token removes it.
func (s *Server) cookie(r *http.Request, token string) *http.Cookie {
	c := &http.Cookie{
		Name: s.cookieName(r), Value: token, Path: "/", Domain: s.options.Cookie.Domain,
		Secure: s.encrypted(r), HttpOnly: true, SameSite: http.SameSiteStrictMode,
	}
	switch s.options.Cookie.SameSite {
	case "lax":
		c.SameSite = http.SameSiteLaxMode
	case "none":
		c.SameSite = http.SameSiteNoneMode
	}
	if token == "" {
		c.MaxAge = -1
	}
	return c
}

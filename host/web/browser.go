package web

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// foreign reports why a request must not act with what a browser sends by
// itself: another site's page makes it. Logins and logouts act by any method.
func (s *Server) foreign(r *http.Request) error {
	acting := *r
	acting.Method = http.MethodPost
	return s.crossOrigin.Check(&acting)
}

func isUnsafe(method string) bool {
	return method != http.MethodGet && method != http.MethodHead && method != http.MethodOptions
}

// strictTransport tells browsers to come back over TLS only.
func (s *Server) strictTransport(w http.ResponseWriter, r *http.Request) {
	if s.options.Web.HSTS > 0 && s.encrypted(r) {
		w.Header().Set("Strict-Transport-Security",
			fmt.Sprintf("max-age=%d; includeSubDomains", int64(s.options.Web.HSTS.Seconds())))
	}
}

// crossSite adds the headers by which web.cors lets pages read answers. It
// reports true if it answered a preflight.
func (s *Server) crossSite(w http.ResponseWriter, r *http.Request) bool {
	origin, c := r.Header.Get("Origin"), s.options.Web.CORS
	if len(c.Origins) == 0 {
		return false
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	named := slices.ContainsFunc(c.Origins, func(o string) bool { return strings.EqualFold(o, origin) })
	if origin == "" || !named && !slices.Contains(c.Origins, "*") {
		return false
	}
	if named {
		h.Set("Access-Control-Allow-Origin", origin)
		if c.Credentials {
			h.Set("Access-Control-Allow-Credentials", "true")
		}
	} else {
		h.Set("Access-Control-Allow-Origin", "*")
	}
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, PUT, POST, DELETE, OPTIONS")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
	h.Set("Access-Control-Max-Age", strconv.Itoa(int(c.MaxAge.Seconds())))
	w.WriteHeader(http.StatusNoContent)
	return true
}

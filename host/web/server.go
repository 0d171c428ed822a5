package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"

	"github.com/happn-host/happn-host/host/config"
	"github.com/happn-host/happn-host/host/transport"
)

// Options says what a Server needs.
type Options struct {
	Web         config.Web
	Cookie      config.Cookie
	AllowLogout bool   // whether /auth/logout revokes
	Access      Access // nil on a host without access control: every route is open
	Logger      *slog.Logger

	// Public answers what everybody may see, before anything else, and reports
	// whether it did.
	Public func(w http.ResponseWriter, r *http.Request) bool

	// Others answers what no route is for, and reports whether it did. nil
	// answers nothing. The same permissions go before it.
	Others func(w http.ResponseWriter, r *http.Request) bool
}

// Server serves routes.
type Server struct {
	options      Options
	routes       *http.ServeMux
	proxies      networks
	crossOrigin  *http.CrossOriginProtection
	unauthorized page
	forbidden    page
}

// NewServer returns a server without routes.
func NewServer(o Options) (*Server, error) {
	s := &Server{
		options: o, routes: http.NewServeMux(), crossOrigin: http.NewCrossOriginProtection(),
		proxies: parseNetworks(o.Web.TrustedProxies),
	}
	for _, origin := range o.Web.CORS.Origins {
		if origin == "*" || !o.Web.CORS.Credentials {
			continue // may read, but not act with a cookie
		}
		if err := s.crossOrigin.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("web.cors.origins: %w", err)
		}
	}
	var err error
	if s.unauthorized, err = openPage("web.unauthorizedPage", o.Web.UnauthorizedPage); err != nil {
		return nil, err
	}
	if s.forbidden, err = openPage("web.forbiddenPage", o.Web.ForbiddenPage); err != nil {
		return nil, err
	}
	return s, nil
}

func openPage(key, file string) (page, error) {
	if file == "" {
		return page{contentType: "text/plain"}, nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return page{}, fmt.Errorf("%s: %w", key, err)
	}
	return page{contentType: "text/html", body: content}, nil
}

// Handle adds a route, by the patterns of http.ServeMux. On a secure host a
// request reaches it only with a token whose user may do the method on the path
// with /@HTTP before it. It panics if the pattern is no pattern, or stands for
// what another one does. Add routes before the host starts.
func (s *Server) Handle(pattern string, h http.Handler) { s.routes.Handle(pattern, h) }

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.strictTransport(w, r)
	if s.crossSite(w, r) {
		return
	}
	if s.options.Public != nil && s.options.Public(w, r) {
		return
	}
	path, plain := permissionPath(r)
	if !plain && (s.options.Access != nil || strings.Contains(r.URL.Path, "\\")) {
		transport.ErrorPage(w, http.StatusBadRequest, "the path has to be absolute, without empty, . or .. segments, backslashes or control characters")
		return
	}
	if s.options.Access == nil || excluded(s.options.Web.Exclusions, strings.TrimPrefix(path, "/@HTTP")) {
		s.route(w, r)
		return
	}
	switch path {
	case "/@HTTP/auth/login":
		s.login(w, r)
	case "/@HTTP/auth/request-nonce":
		s.nonce(w, r)
	default:
		s.secured(w, r, path)
	}
}

// secured lets a request through to its route if its token permits it.
func (s *Server) secured(w http.ResponseWriter, r *http.Request, path string) {
	token, ambient := s.tokenOf(r)
	if token == "" {
		s.unauthorized.refuse(w, r, http.StatusUnauthorized, noToken)
		return
	}
	visitor, err := s.options.Access.Verify(r.Context(), token)
	if err != nil {
		s.unauthorized.refuse(w, r, http.StatusUnauthorized, reason(err, noToken))
		return
	}
	logout := path == "/@HTTP/auth/logout"
	if ambient && (logout || isUnsafe(r.Method)) && s.foreign(r) != nil {
		s.forbidden.refuse(w, r, http.StatusForbidden, "another site's page cannot act with this cookie")
		return
	}
	if logout {
		s.logout(w, r, visitor)
		return
	}
	var denied *Denied
	switch err := visitor.May(strings.ToLower(r.Method), path); {
	case errors.As(err, &denied):
		s.unauthorized.refuse(w, r, http.StatusUnauthorized, denied.Reason)
	case err != nil:
		s.forbidden.refuse(w, r, http.StatusForbidden, "unauthorized access to path "+path)
	default:
		s.route(w, r.WithContext(context.WithValue(r.Context(), visitorKey{}, visitor)))
	}
}

const noToken = "invalid token format or null token"

func reason(err error, otherwise string) string {
	var denied *Denied
	if errors.As(err, &denied) {
		return denied.Reason
	}
	return otherwise
}

// route hands a request to its route.
func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	if _, pattern := s.routes.Handler(r); pattern == "" && !s.otherMethod(r) {
		if s.options.Others == nil || !s.options.Others(w, r) {
			transport.NotFound(w, r)
		}
		return
	}
	s.routes.ServeHTTP(w, r)
}

// otherMethod reports whether the path has a route, but by another method.
func (s *Server) otherMethod(r *http.Request) bool {
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch} {
		other := *r
		other.Method = method
		if _, pattern := s.routes.Handler(&other); pattern != "" {
			return true
		}
	}
	return false
}

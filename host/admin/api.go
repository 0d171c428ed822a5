package admin

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/happn-host/happn-host/security"
)

// Prefix is where the API is.
const Prefix = "/api/v1"

// Options says what an API manages. What is nil has no routes.
type Options struct {
	Directory Directory
	Tokens    Tokens
	Sessions  Sessions
	Activity  Activity
	Status    Status
	Plugins   Plugins
	Audit     *Audit
	Logger    *slog.Logger

	// Actor returns who makes a request, and from which address.
	Actor func(r *http.Request) (who, address string)

	// More are routes that the host serves itself.
	More []Route
}

// API serves the routes.
type API struct {
	options Options
	routes  []Route
}

// New returns an API.
func New(o Options) *API {
	a := &API{options: o}
	for _, part := range []struct {
		there  bool
		routes []Route
	}{
		{o.Status != nil, a.statusRoutes()},
		{o.Sessions != nil, a.sessionRoutes()},
		{o.Sessions != nil, a.activityRoutes()},
		{o.Plugins != nil, a.pluginRoutes()},
		{o.Tokens != nil, a.tokenRoutes()},
		{o.Directory != nil, a.userRoutes()},
		{o.Directory != nil, a.groupRoutes()},
		{o.Directory != nil, a.permissionRoutes()},
		{o.Directory != nil, a.lookupRoutes()},
		{true, o.More},
		{true, []Route{{Method: http.MethodGet, Path: "/openapi.json", Summary: "Describe this API", Answers: "the OpenAPI description",
			answer: func(*call) (any, error) { return a.Description(), nil }}}},
	} {
		if part.there {
			a.routes = append(a.routes, part.routes...)
		}
	}
	return a
}

// Routes returns every route in the order of the description.
func (a *API) Routes() []Route { return a.routes }

// Mount adds every route by handle, with the patterns of http.ServeMux.
func (a *API) Mount(handle func(pattern string, h http.Handler)) {
	for _, r := range a.routes {
		handle(r.Method+" "+Prefix+r.Path, a.handler(r))
	}
}

// maxBody bounds what is read for a request; nothing that is managed is larger.
const maxBody = 1 << 20

func (a *API) handler(route Route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{request: r, writer: w}
		var result any
		err := c.read(route)
		if err == nil && route.Handler != nil {
			// Before it is carried out, since a stream may break off the handler.
			a.audit(route, c, nil)
			route.Handler.ServeHTTP(w, r)
			return
		}
		if err == nil {
			result, err = route.answer(c)
		}
		a.audit(route, c, err)
		if err != nil {
			a.refuse(w, route, err)
			return
		}
		write(w, http.StatusOK, result)
	})
}

// refuse answers with what went wrong. What is nobody's fault but the host's is
// logged, and not told.
func (a *API) refuse(w http.ResponseWriter, route Route, err error) {
	var shown *security.Error
	var refusal *Refusal
	switch {
	case errors.As(err, &refusal):
		write(w, refusal.Status, map[string]string{"error": refusal.Message})
	case errors.As(err, &shown) && strings.Contains(shown.Message, "does not exist"):
		write(w, http.StatusNotFound, map[string]string{"error": shown.Message})
	case errors.As(err, &shown):
		write(w, http.StatusBadRequest, map[string]string{"error": shown.Message})
	default:
		a.options.Logger.Error("a request to the management API failed", "method", route.Method, "path", Prefix+route.Path, "error", err)
		write(w, http.StatusInternalServerError, map[string]string{"error": "the request could not be carried out; the host's log says why"})
	}
}

func write(w http.ResponseWriter, status int, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(`{"error":"the answer could not be written"}`)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n'))
}

// Refusal is an error with the HTTP status that tells of it.
type Refusal struct {
	Status  int
	Message string
}

// Error implements error.
func (r *Refusal) Error() string { return r.Message }

func missing(kind, name string) error {
	return &Refusal{http.StatusNotFound, "there is no " + kind + " " + name}
}

func bad(message string) error { return &Refusal{http.StatusBadRequest, message} }

package hook

import (
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/happn-host/happn-host/host/plugin/object"
	"github.com/happn-host/happn-host/host/plugin/pattern"
)

// HTTP says which HTTP requests a plugin answers.
type HTTP struct {
	// Routes are what it answers; empty is every request below its paths.
	Routes []Route
	// Mount is a path below which the routes are, beside PluginPaths and the
	// plugin's name. Only an operator's file sets it.
	Mount string
}

// Route is a pattern of paths, in which "*" stands for any text, and the methods
// that are answered there; no methods is all of them.
type Route struct {
	Path    string
	Methods []string

	pattern pattern.Pattern
}

func readHTTP(t *object.Reader) *HTTP {
	h := &HTTP{}
	t.Objects("routes", func(r *object.Reader) {
		route := Route{Path: "/*"}
		r.Text("path", &route.Path)
		if !strings.HasPrefix(route.Path, "/") {
			r.Fail("path", "%q must begin with a slash", route.Path)
		}
		route.Methods, _ = r.Words("methods", methods)
		route.pattern = pattern.New(route.Path)
		h.Routes = append(h.Routes, route)
	})
	t.Text("mount", &h.Mount)
	if h.Mount != "" && (path.Clean(h.Mount) != h.Mount || h.Mount[0] != '/' || h.Mount == "/") {
		t.Fail("mount", "%q must be a path such as /hooks, without a slash at its end", h.Mount)
	}
	return h
}

var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}

// with returns h with what the operator says.
func (h *HTTP) with(o *HTTP) *HTTP {
	if h == nil {
		return nil
	}
	out := &HTTP{Routes: h.Routes}
	if o != nil {
		out.Mount = o.Mount
		if o.Routes != nil {
			out.Routes = o.Routes
		}
	}
	return out
}

// Find returns the route of a request below the plugin's paths. allowed are the
// methods of the path, if only the method is wrong.
func (h *HTTP) Find(method, below string) (found bool, allowed []string) {
	if len(h.Routes) == 0 {
		return true, nil
	}
	for i := range h.Routes {
		r := &h.Routes[i]
		switch {
		case !r.pattern.Match([]byte(below)):
		case len(r.Methods) == 0 || slices.Contains(r.Methods, method):
			return true, nil
		default:
			allowed = append(allowed, r.Methods...)
		}
	}
	return false, allowed
}

// IsToken reports whether a text can be the name of a header (RFC 9110, 5.6.2).
func IsToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		return !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", c)
	})
}

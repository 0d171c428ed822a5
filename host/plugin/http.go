package plugin

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/happn-host/happn-host/host/plugin/answer"
	"github.com/happn-host/happn-host/host/plugin/hook"
)

// PluginPaths is where the routes of plugins are, each below its name.
const PluginPaths = "/@plugins/"

// ServeHTTP answers a request if a plugin has a route for it, and reports
// whether it did. Who calls it has decided that the caller may ask. The body is
// read whole; who calls it bounds it.
func (m *Manager) ServeHTTP(w http.ResponseWriter, r *http.Request, caller answer.Caller) bool {
	var allowed []string
	for _, b := range m.lists.Load().hooks[hook.PlaceHTTP] {
		h := b.hook()
		if h == nil {
			continue
		}
		below, ok := b.below(h.hook.HTTP, r.URL.Path)
		if !ok {
			continue
		}
		found, others := h.hook.HTTP.Find(r.Method, below)
		if allowed = append(allowed, others...); !found {
			continue
		}
		m.answer(w, r, b, below, caller)
		return true
	}
	if len(allowed) == 0 {
		return false
	}
	slices.Sort(allowed)
	w.Header().Set("Allow", strings.Join(slices.Compact(allowed), ", "))
	http.Error(w, "the route has other methods: see Allow", http.StatusMethodNotAllowed)
	return true
}

// below returns what of a path is the plugin's to see.
func (b *binding) below(h *hook.HTTP, path string) (string, bool) {
	if rest, ok := strings.CutPrefix(path, PluginPaths+b.name); ok && (rest == "" || rest[0] == '/') {
		return "/" + strings.TrimPrefix(rest, "/"), true
	}
	if h.Mount == "" {
		return "", false
	}
	rest, ok := strings.CutPrefix(path, h.Mount)
	if !ok || rest != "" && rest[0] != '/' {
		return "", false
	}
	return "/" + strings.TrimPrefix(rest, "/"), true
}

func (m *Manager) answer(w http.ResponseWriter, r *http.Request, b *binding, below string, caller answer.Caller) {
	rec, err := answer.Request(r, below, caller)
	if err != nil {
		status := http.StatusBadRequest
		if errors.As(err, new(*http.MaxBytesError)) {
			status = http.StatusRequestEntityTooLarge
		}
		http.Error(w, err.Error(), status)
		return
	}
	rec.EventID = m.requests.Add(1)
	verdict, output, err := b.call(r.Context(), rec)
	switch {
	case err == nil:
		if err = answer.Write(w, r, verdict, output); err == nil {
			return
		}
		b.failed(nil, verdict, err)
	case errors.Is(err, errBusy), errors.Is(err, errOpen), errors.Is(err, errGone):
		w.Header().Set("Retry-After", "1")
		answer.WriteFailure(w, http.StatusServiceUnavailable, b.failure())
		return
	}
	m.log.Warn("a plugin failed on an HTTP request", "plugin", b.name, "path", r.URL.Path, "error", err)
	answer.WriteFailure(w, http.StatusInternalServerError, b.failure())
}

package host

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/happn-host/happn-host/host/certificate"
	"github.com/happn-host/happn-host/host/plugin/answer"
	"github.com/happn-host/happn-host/host/web"
)

// openWeb prepares what is served beside websockets, and the certificates of all
// connections.
func (h *Host) openWeb() (err error) {
	c := h.config
	h.tls, err = certificate.Open(certificate.Options{
		TLS: c.TLS, DataDir: h.dataDir(), Names: append([]string{c.Host}, c.Web.Hosts...), Logger: h.log,
	})
	if err != nil {
		return fmt.Errorf("encrypted connections: %w", err)
	}
	options := web.Options{
		Web: c.Web, Cookie: c.Security.Cookie, AllowLogout: c.Security.AllowLogoutOverHTTP,
		Logger: h.log, Public: h.servePublic, Others: h.servePlugins,
	}
	if h.secured != nil {
		options.Access = webAccess{h.secured}
	}
	h.web, err = web.NewServer(options)
	if err != nil {
		return err
	}
	return h.openAdmin()
}

// dataDir returns the folder of the default store, "" if the host has none.
func (h *Host) dataDir() string {
	if h.config.Data.Durability == "none" || len(h.stores) == 0 {
		return ""
	}
	return h.config.Data.Dir
}

// Handle adds a route to the host's HTTP server, by a pattern of http.ServeMux.
// On a host with access control a request reaches it only with a token whose
// user may do the method, in lower case, on /@HTTP and the path. web.VisitorOf
// tells the handler who it is. Add routes before Start; it panics if the pattern
// is wrong or taken.
func (h *Host) Handle(pattern string, handler http.Handler) { h.web.Handle(pattern, handler) }

// servePlugins answers by the routes of plugins, and reports whether one did.
func (h *Host) servePlugins(w http.ResponseWriter, r *http.Request) bool {
	caller := answer.Caller{Address: h.web.AddressOf(r), Secure: r.TLS != nil}
	if v := web.VisitorOf(r); v != nil {
		caller.Username = v.Username()
	}
	return h.plugins.ServeHTTP(w, r, caller)
}

// servePublic answers what everybody may ask, and reports whether it did.
func (h *Host) servePublic(w http.ResponseWriter, r *http.Request) bool {
	path := r.URL.Path
	switch {
	case h.browser.Serve(w, r):
	case h.servePoll(w, r):
	case strings.EqualFold(path, "/version") && r.URL.RawQuery == "":
		writeJSON(w, http.StatusOK, map[string]string{
			"version": happnVersion, "server": "happn-host", "serverVersion": h.version,
		})
	case strings.EqualFold(path, "/ping") && r.URL.RawQuery == "":
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write([]byte("pong"))
	case path == "/healthz":
		h.serveHealth(w, r, false)
	case path == "/readyz":
		h.serveHealth(w, r, true)
	default:
		return false
	}
	return true
}

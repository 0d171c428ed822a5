package transport

import (
	"fmt"
	"html"
	"net/http"
	"strings"

	"github.com/gorilla/websocket"
)

// routes answers websocket upgrades and the plain HTTP around them
// (happn-wire.md, 1.1 and 1.6), and leaves the rest to next.
func (s *Server) routes(next http.Handler) http.Handler {
	if next == nil {
		next = http.HandlerFunc(NotFound)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		upgrade := websocket.IsWebSocketUpgrade(r)
		var owned *Endpoint
		if upgrade && s.endpoints != nil {
			owned = s.endpoints(r.URL.Path)
		}
		switch path := r.URL.Path; {
		case upgrade && r.Header.Get("Sec-Websocket-Version") != "13":
			w.Header().Set("Sec-WebSocket-Version", "13, 8")
			http.Error(w, "this server speaks websocket version 13", http.StatusBadRequest)
		case owned != nil:
			s.upgradeOwned(w, r, owned)
		case upgrade && strings.HasPrefix(path, "/primus"):
			s.upgrade(w, r, true)
		case upgrade && path == "/ws":
			s.upgrade(w, r, false)
		case upgrade:
			http.Error(w, "no websocket at "+path+": use /primus or /ws", http.StatusNotFound)
		case strings.HasPrefix(path, "/primus"):
			s.plainPrimus(w, r, next)
		case path == "/ws":
			upgradeRequired(w)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func upgradeRequired(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Connection", "Upgrade")
	h.Set("Upgrade", "websocket")
	h.Set("Content-Type", "text/plain")
	w.WriteHeader(http.StatusUpgradeRequired)
	_, _ = w.Write([]byte("Upgrade Required"))
}

// plainPrimus answers HTTP requests below /primus, with the CORS headers that
// happn-3 adds there and nowhere else. It leaves the script of the client to next.
func (s *Server) plainPrimus(w http.ResponseWriter, r *http.Request, next http.Handler) {
	h := w.Header()
	if origin := r.Header.Get("Origin"); origin != "" && s.OriginAllowed(r) {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Vary", "Origin")
		h.Set("Access-Control-Allow-Credentials", "true")
		if r.Method == http.MethodOptions {
			h.Set("Access-Control-Max-Age", "2592000")
			h.Set("Access-Control-Allow-Methods", "GET, HEAD, PUT, POST, DELETE, OPTIONS")
			if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" {
				h.Set("Access-Control-Allow-Headers", asked)
			}
			return
		}
	}
	if r.URL.Path == "/primus/primus.js" {
		next.ServeHTTP(w, r)
		return
	}
	if r.URL.Path == "/primus/spec" {
		h.Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"pingInterval":%d,"pathname":"/primus","version":"8.0.9","parser":"json","transformer":"websockets"}`,
			s.config.PingInterval.Milliseconds())
		return
	}
	h.Set("Cache-Control", "no-store, no-cache, must-revalidate, max-age=0")
	h.Set("Pragma", "no-cache")
	upgradeRequired(w)
}

// NotFound answers as happn-3 does where there is nothing.
func NotFound(w http.ResponseWriter, r *http.Request) {
	ErrorPage(w, http.StatusNotFound, "Cannot "+r.Method+" "+r.URL.EscapedPath())
}

// ErrorPage answers with the page that happn-3 has for errors. No script or
// other source counts in it, whatever the message is.
func ErrorPage(w http.ResponseWriter, status int, message string) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Error</title>\n</head>\n"+
		"<body>\n<pre>%s</pre>\n</body>\n</html>\n", html.EscapeString(message))
}

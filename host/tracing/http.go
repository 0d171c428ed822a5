package tracing

import (
	"bufio"
	"net"
	"net/http"
	"strconv"
)

// Handler returns next with a span around each request, the one that its
// traceparent names for a parent. Upgraded connections are none.
func (t *Tracer) Handler(next http.Handler) http.Handler {
	if t == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			next.ServeHTTP(w, r)
			return
		}
		method := methodName(r.Method)
		ctx, span := t.BeginHTTP(r, method)
		if span == nil {
			next.ServeHTTP(w, r)
			return
		}
		t.requests.enter()
		defer t.requests.leave()
		defer span.End()
		span.Text("http.request.method", method)
		span.Path("url.path", []byte(r.URL.Path))
		answer := &answer{ResponseWriter: w, status: http.StatusOK}
		r = r.WithContext(ctx)
		next.ServeHTTP(answer, r)
		if r.Pattern != "" {
			span.Text("http.route", r.Pattern)
		}
		if answer.status == 0 {
			return // who took the connection has said what was answered
		}
		span.Number("http.response.status_code", answer.status)
		if answer.status >= http.StatusInternalServerError {
			span.Fail(strconv.Itoa(answer.status))
		}
	})
}

// methodName returns a method of the standard, or what stands for all others.
func methodName(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "_OTHER"
}

// answer remembers the status of what is written.
type answer struct {
	http.ResponseWriter
	status int // 0 once somebody has taken the connection
}

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if status >= http.StatusOK { // others come before it
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Hijack implements http.Hijacker.
func (a *answer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rest, err := http.NewResponseController(a.ResponseWriter).Hijack()
	if err == nil {
		a.status = 0
	}
	return conn, rest, err
}

// Unwrap lets http.ResponseController find the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

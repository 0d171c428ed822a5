package web

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/happn-host/happn-host/host/tracing"
)

// page is the answer to what is refused.
type page struct {
	contentType string
	body        []byte // nil: the reason
}

// refuse answers 401 or 403 with the reason phrase that happn-3 has. The body of
// the request is read first, within the bounds that every request has: upload
// clients look for an answer when they have sent all.
func (p page) refuse(w http.ResponseWriter, r *http.Request, status int, reason string) {
	_, _ = io.Copy(io.Discard, r.Body)
	body := p.body
	if body == nil {
		body = []byte(reason)
	}
	h := w.Header()
	h.Set("Content-Type", p.contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	if status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "happn-auth")
	}
	if r.Method == http.MethodHead {
		body = nil
	}
	if !phrase(w, r, status, body) {
		w.WriteHeader(status)
		_, _ = w.Write(body)
	}
}

// phraseTimeout bounds the writing of a small answer.
const phraseTimeout = 5 * time.Second

// phrase writes the answer with a reason phrase of its own, which net/http does
// not let handlers choose, and ends the connection. It reports false where the
// connection cannot be had.
func phrase(w http.ResponseWriter, r *http.Request, status int, body []byte) bool {
	if r.ProtoMajor != 1 {
		return false
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return false
	}
	defer conn.Close()
	tracing.In(r.Context()).Number("http.response.status_code", status)
	_ = conn.SetDeadline(time.Now().Add(phraseTimeout))
	out := bufio.NewWriter(conn)
	h := w.Header()
	h.Set("Connection", "close")
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	fmt.Fprintf(out, "HTTP/1.1 %d unauthorized access\r\n", status)
	_ = h.Write(out)
	_, _ = out.WriteString("\r\n")
	_, _ = out.Write(body)
	_ = out.Flush()
	return true
}

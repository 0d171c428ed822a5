package web

import (
	"io"
	"net/http"
	"time"
)

// Guard returns a handler that keeps from next, which is everything that the
// host serves, also its websockets, what no request may do.
func (s *Server) Guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.named(r) {
			w.Header().Set("Connection", "close")
			http.Error(w, "this host does not have the name "+quoted(r.Host)+"; its names are in web.hosts", http.StatusMisdirectedRequest)
			return
		}
		if r.ContentLength != 0 && r.Body != nil && r.Body != http.NoBody {
			s.boundBody(w, r)
		}
		next.ServeHTTP(w, r)
	})
}

// quoted shows what a stranger wrote, and not too much of it.
func quoted(name string) string {
	const longest = 100
	return string(encode(name[:min(len(name), longest)]))
}

// boundBody lets the body of a request be so long, and take so long.
func (s *Server) boundBody(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	if err := control.SetReadDeadline(time.Now().Add(s.options.Web.BodyTimeout)); err != nil {
		return // nothing that a deadline could be set for
	}
	r.Body = &body{http.MaxBytesReader(w, r.Body, int64(s.options.Web.MaxBodyBytes)), control}
}

// body takes the deadline back when all has been read: the answer may take
// longer.
type body struct {
	io.ReadCloser
	control *http.ResponseController
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

package admin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Audit keeps who asked for which change, when and from where: one JSON object a
// line in a file that only the host's account may read, and in the log. It is
// safe for any goroutine.
type Audit struct {
	log *slog.Logger
	now func() time.Time

	mu   sync.Mutex
	file *os.File // nil for the log alone
}

// Entry is one line of an audit log.
type Entry struct {
	Time    time.Time       `json:"time"`
	Who     string          `json:"who"`
	Address string          `json:"address"`
	Method  string          `json:"method"`
	Path    string          `json:"path"` // with the query, without tokens
	Body    json.RawMessage `json:"body,omitempty"`
	Error   string          `json:"error,omitempty"` // why it was not done
}

// OpenAudit returns an audit log that appends to a file; "" is none.
func OpenAudit(file string, log *slog.Logger) (*Audit, error) {
	a := &Audit{log: log, now: time.Now}
	if file == "" {
		return a, nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, fmt.Errorf("security.audit.file: %w", err)
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("security.audit.file: %w", err)
	}
	a.file = f
	return a, nil
}

// Close closes the file.
func (a *Audit) Close() error {
	if a == nil || a.file == nil {
		return nil
	}
	return a.file.Close()
}

// Write adds an entry. It is on disk when Write returns.
func (a *Audit) Write(e Entry) {
	e.Time = a.now().UTC()
	a.log.Info("audit", "who", e.Who, "address", e.Address, "method", e.Method, "path", e.Path, "error", e.Error)
	if a.file == nil {
		return
	}
	line, err := json.Marshal(e)
	a.mu.Lock()
	defer a.mu.Unlock()
	if err == nil {
		if _, err = a.file.Write(append(line, '\n')); err == nil {
			err = a.file.Sync()
		}
	}
	if err != nil {
		a.log.Error("the audit log could not be written; make room for it", "file", a.file.Name(), "error", err)
	}
}

// audit writes down a request that changes something.
func (a *API) audit(route Route, c *call, err error) {
	if a.options.Audit == nil || route.Method == http.MethodGet {
		return
	}
	e := Entry{Method: route.Method, Path: c.request.URL.EscapedPath(), Body: withoutSecrets(c.body)}
	query := c.request.URL.Query()
	query.Del("happn_token")
	if len(query) > 0 {
		e.Path += "?" + query.Encode()
	}
	if a.options.Actor != nil {
		e.Who, e.Address = a.options.Actor(c.request)
	}
	if err != nil {
		e.Error = err.Error()
	}
	a.options.Audit.Write(e)
}

// longestBody is what is kept of a body, in bytes.
const longestBody = 16 << 10

// withoutSecrets returns the object with its secrets blotted out, at any depth.
func withoutSecrets(body []byte) json.RawMessage {
	if body == nil {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var value any
	if dec.Decode(&value) != nil {
		return nil
	}
	text, err := json.Marshal(blot(value))
	if err != nil || len(text) > longestBody {
		return json.RawMessage(`"left out because of its length"`)
	}
	return text
}

func blot(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for name, member := range v {
			switch lower := strings.ToLower(name); {
			case strings.Contains(lower, "password"), strings.Contains(lower, "secret"), strings.Contains(lower, "token"):
				v[name] = "***"
			default:
				v[name] = blot(member)
			}
		}
	case []any:
		for i := range v {
			v[i] = blot(v[i])
		}
	}
	return value
}

package answer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/hook"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// Caller is who makes an HTTP request.
type Caller struct {
	Username string // of the holder of the token, "" if none was asked for
	Address  string
	Secure   bool // whether the connection is encrypted
}

// Request reads a request.
func Request(r *http.Request, below string, caller Caller) (*abi.Record, error) {
	body := []byte{}
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, fmt.Errorf("the body could not be read: %w", err)
		}
	}
	rec := &abi.Record{
		Kind: abi.KindHTTP, Path: []byte(below), Bytes: body, Options: describeRequest(r, caller), Address: []byte(caller.Address),
	}
	if caller.Username != "" {
		rec.Username = []byte(caller.Username)
	}
	return rec, nil
}

// tokenParameter is the parameter of a URL that has a session's token in it.
const tokenParameter = "happn_token"

// describeRequest returns the options of a request's record. What would let a
// plugin act as the caller is left out: cookies, the token in the URL, and, where
// a token was asked for, the header that has it.
func describeRequest(r *http.Request, caller Caller) []byte {
	query := r.URL.Query()
	query.Del(tokenParameter)
	headers := map[string]string{}
	for name, values := range r.Header {
		if name == "Cookie" || name == "Authorization" && caller.Username != "" {
			continue
		}
		headers[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	out, _ := json.Marshal(struct { // of texts only: cannot fail
		Method  string              `json:"method"`
		Host    string              `json:"host"`
		URL     string              `json:"url"`
		Secure  bool                `json:"secure"`
		Query   map[string][]string `json:"query"`
		Headers map[string]string   `json:"headers"`
	}{r.Method, r.Host, r.URL.Path, caller.Secure, query, headers})
	return out
}

// Write sends what a plugin answers. After an error nothing has been sent.
func Write(w http.ResponseWriter, r *http.Request, verdict abi.Verdict, output []byte) error {
	switch verdict {
	case abi.VerdictPass:
		http.NotFound(w, r)
		return nil
	case abi.VerdictReject:
		text := ErrorSection(output)
		status := http.StatusBadRequest
		if given, ok := rawjson.Lookup(text, "status"); ok {
			if n, err := strconv.Atoi(string(given)); err == nil && n >= 400 && n <= 599 {
				status = n
			}
		}
		if !rawjson.IsObject(text) {
			text = append(rawjson.AppendString([]byte(`{"name":"Error","message":`), text), '}')
		}
		WriteFailure(w, status, text)
		return nil
	case abi.VerdictError:
		return fmt.Errorf("hook failed: %s", ErrorText(output))
	}
	var rec abi.Record
	if err := rec.Decode(output); err != nil {
		return err
	}
	body := rec.Bytes
	if rec.Data != nil {
		if err := CheckSection(abi.SectionData, &rec.Data); err != nil {
			return fmt.Errorf("data: %w", err)
		}
		body = rec.Data
		w.Header().Set("Content-Type", "application/json")
	}
	status, err := setHeaders(w.Header(), rec.Options)
	if err != nil {
		return err
	}
	// A page of a plugin gets nothing of what is the host's in this origin.
	w.Header().Set("Content-Security-Policy", "sandbox allow-forms allow-scripts")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/octet-stream")
	}
	w.WriteHeader(status)
	if r.Method != http.MethodHead && status != http.StatusNoContent && status != http.StatusNotModified {
		_, _ = w.Write(body) // the caller may have left
	}
	return nil
}

// kept are headers that a plugin cannot set: those of the connection, and those
// that speak for the whole host.
var kept = []string{
	"connection", "content-length", "transfer-encoding", "trailer", "upgrade", "keep-alive", "te", "proxy-authenticate",
	"proxy-authorization", "date", "set-cookie", "set-cookie2", "strict-transport-security", "content-security-policy",
	"x-content-type-options", "clear-site-data", "service-worker-allowed", "public-key-pins", "alt-svc",
}

// setHeaders reads status and headers of an answer. After an error none is set.
func setHeaders(to http.Header, options []byte) (status int, err error) {
	var said struct {
		Status  *int              `json:"status"`
		Headers map[string]string `json:"headers"`
	}
	if options != nil {
		d := json.NewDecoder(bytes.NewReader(options))
		d.DisallowUnknownFields()
		if err := d.Decode(&said); err != nil {
			return 0, fmt.Errorf("options: %w", err)
		}
	}
	status = http.StatusOK
	if said.Status != nil {
		status = *said.Status
	}
	if status < 200 || status > 599 {
		return 0, fmt.Errorf("options: status %d is not between 200 and 599", status)
	}
	for name, value := range said.Headers {
		if !hook.IsToken(name) || strings.ContainsFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
			return 0, fmt.Errorf("options: header %q is not valid", name)
		}
		if slices.Contains(kept, strings.ToLower(name)) {
			return 0, fmt.Errorf("options: header %q is not a plugin's to set", name)
		}
	}
	for name, value := range said.Headers {
		to.Set(name, value)
	}
	return status, nil
}

// WriteFailure sends the error of a request, a JSON object.
func WriteFailure(w http.ResponseWriter, status int, text []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(text) // the caller may have left
}

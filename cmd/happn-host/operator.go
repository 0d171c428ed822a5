package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/happn-host/happn-host/host"
)

// operator asks a running host for what only its administrators may have.
type operator struct {
	base   *url.URL
	client *http.Client
	token  string // "" for none
}

// newOperator returns one without a token. It trusts the certificates in the
// file ca besides those that the machine trusts, if it is not "".
func newOperator(address, ca string) (*operator, error) {
	base, err := url.Parse(address)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.User != nil {
		return nil, errors.New("--url is not the address of a host, such as http://127.0.0.1:55000 or https://db.example:55000")
	}
	trusted, err := trust(ca)
	if err != nil {
		return nil, err
	}
	// No proxy may stand between: a host without access control answers its own
	// machine only, and one with it is sent passwords.
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: trusted}}
	return &operator{base: base, client: &http.Client{Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}, nil
}

// trust returns the machine's certificates with those of a file, nil for the
// machine's alone.
func trust(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--ca: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a machine may have none
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("--ca: %s has no certificate in PEM", file)
	}
	return pool, nil
}

// inClear reports whether others may read what is sent to the host.
func (o *operator) inClear() bool { return o.base.Scheme == "http" && !isLoopback(o.base.Hostname()) }

// login gets a token for the user. happn-3 takes the password in the query, and
// so do hosts; errors therefore never show the address of the request.
func (o *operator) login(ctx context.Context, user, password string) error {
	resp, err := o.do(ctx, http.MethodPost, "auth/login", url.Values{"username": {user}, "password": {password}}, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNotFound {
		return errors.New("the host has no access control; leave --user out, or start the host with --secure")
	}
	if contentType(resp) != "application/json" {
		return o.refusal(resp)
	}
	var answer struct {
		Data  string
		Error *struct{ Message string }
	}
	switch err := o.decode(resp, &answer); {
	case err != nil:
		return err
	case answer.Error != nil:
		return errors.New(answer.Error.Message)
	case answer.Data == "":
		return fmt.Errorf("the host answers %s without a token", resp.Status)
	}
	o.token = answer.Data
	return nil
}

// ask sends a request, with a body in JSON unless it is nil. The caller closes
// the body of an answer, which is that of a success.
func (o *operator) ask(ctx context.Context, method, path string, parameters url.Values, body any) (*http.Response, error) {
	resp, err := o.do(ctx, method, path, parameters, body)
	if err != nil || resp.StatusCode == http.StatusOK {
		return resp, err
	}
	defer resp.Body.Close()
	return nil, o.refusal(resp)
}

const whoAsks = "name a user with --user, or give a token with --token or HAPPN_TOKEN"

// refusal tells what the host refuses, and what to do.
func (o *operator) refusal(resp *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<16)) // without it the status must do
	kind := contentType(resp)
	var answer struct{ Error string }
	if kind == "application/json" {
		_ = json.Unmarshal(text, &answer)
		return fmt.Errorf("the host answers %s: %s", resp.Status, answer.Error)
	}
	status := fmt.Sprintf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode)) // its own phrase repeats the reason
	reason := ""
	if kind == "text/plain" || kind == "" { // net/http names none where http is spoken to https
		reason = ": " + strings.TrimSpace(string(text))
	}
	switch {
	case resp.StatusCode == http.StatusUnauthorized && o.token == "":
		return errors.New("the host wants to know who asks: " + whoAsks)
	case resp.StatusCode == http.StatusUnauthorized:
		return fmt.Errorf("the host answers %s%s; the token does not count, or no longer: log in with --user", status, reason)
	case resp.StatusCode == http.StatusForbidden:
		return fmt.Errorf("the host answers %s%s; if the token was not revoked, ask as another user, or give this one the permission %s on /@HTTP%s",
			status, reason, strings.ToLower(resp.Request.Method), resp.Request.URL.Path)
	case resp.StatusCode == http.StatusNotFound:
		return fmt.Errorf("the host answers %s; it has users, groups, permissions and tokens only if it was started with --secure, "+
			"and nothing to manage without web.api.enabled", status)
	case resp.Header.Get("Location") != "":
		return fmt.Errorf("the host answers %s; give --url the address that it leads to", status)
	}
	return fmt.Errorf("the host answers %s%s", status, reason)
}

func contentType(resp *http.Response) string {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")) // "" for one that makes no sense
	return kind
}

func (o *operator) do(ctx context.Context, method, path string, parameters url.Values, body any) (*http.Response, error) {
	to := o.base.JoinPath(path)
	to.RawQuery = parameters.Encode()
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, to.String(), content)
	if err != nil {
		return nil, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if o.token != "" {
		r.Header.Set("Authorization", "Bearer "+o.token)
	}
	resp, err := o.client.Do(r)
	if err != nil {
		return nil, unreachable(err)
	}
	return resp, nil
}

// unreachable tells why a request had no answer, without its address, in which
// a password may stand.
func unreachable(err error) error {
	var request *url.Error
	if errors.As(err, &request) {
		err = request.Err
	}
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &untrusted) {
		return fmt.Errorf("the host's certificate is not trusted; name it with --ca, or check the name in --url: %w", err)
	}
	return fmt.Errorf("no host answers; check --url and that it runs: %w", err)
}

// tell is ask for an answer in JSON, which it decodes.
func (o *operator) tell(ctx context.Context, method, path string, parameters url.Values, answer any) error {
	return o.change(ctx, method, path, parameters, nil, answer)
}

// change is tell with a body.
func (o *operator) change(ctx context.Context, method, path string, parameters url.Values, body, answer any) error {
	resp, err := o.ask(ctx, method, path, parameters, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return o.decode(resp, answer)
}

func (o *operator) decode(resp *http.Response, answer any) error {
	if err := json.NewDecoder(resp.Body).Decode(answer); err != nil {
		return fmt.Errorf("%s does not answer like a happn-host: %w", o.base, err)
	}
	return nil
}

// health returns how the host is, also when it is not well.
func (o *operator) health(ctx context.Context) (health host.Health, err error) {
	if o.token != "" { // a host with access control shows its stores to those who may manage it
		err = o.tell(ctx, http.MethodGet, "api/v1/health", nil, &health)
		return health, err
	}
	resp, err := o.do(ctx, http.MethodGet, "healthz", nil, nil)
	if err != nil {
		return health, err
	}
	defer resp.Body.Close()
	if err := o.decode(resp, &health); err != nil || len(health.Stores) > 0 {
		return health, err
	}
	return health, errors.New("the host does not show its stores to everybody: " + whoAsks)
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/happn-host/happn-host/host"
)

// operator asks a running host on this machine for what only its administrator
// may have.
type operator struct {
	base   *url.URL
	client *http.Client
}

func newOperator(address string) (*operator, error) {
	base, err := url.Parse(address)
	if err != nil || base.Scheme != "http" || base.Host == "" {
		return nil, fmt.Errorf("--url %q is not the address of a host, such as http://127.0.0.1:55000", address)
	}
	// No proxy may stand between: the host answers its own machine only.
	return &operator{base: base, client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}, nil
}

// ask sends a request. The caller closes the body of an answer, which is that of
// a success.
func (o *operator) ask(ctx context.Context, method, path string, parameters url.Values) (*http.Response, error) {
	resp, err := o.do(ctx, method, path, parameters)
	if err != nil || resp.StatusCode == http.StatusOK {
		return resp, err
	}
	defer resp.Body.Close()
	var refusal struct{ Error string }
	_ = json.NewDecoder(io.LimitReader(resp.Body, 1<<16)).Decode(&refusal) // without it the status must do
	return nil, fmt.Errorf("the host answers %s: %s", resp.Status, refusal.Error)
}

func (o *operator) do(ctx context.Context, method, path string, parameters url.Values) (*http.Response, error) {
	to := o.base.JoinPath(path)
	to.RawQuery = parameters.Encode()
	r, err := http.NewRequestWithContext(ctx, method, to.String(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := o.client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("no host answers; check --url and that it runs: %w", err)
	}
	return resp, nil
}

// tell is ask for an answer in JSON, which it decodes.
func (o *operator) tell(ctx context.Context, method, path string, parameters url.Values, answer any) error {
	resp, err := o.ask(ctx, method, path, parameters)
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
	resp, err := o.do(ctx, http.MethodGet, "healthz", nil)
	if err != nil {
		return health, err
	}
	defer resp.Body.Close()
	return health, o.decode(resp, &health)
}

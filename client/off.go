package client

import (
	"context"
	"encoding/json"
	"errors"
)

// Off ends a subscription: when it returns the handler is called no more,
// though a call that is running may still be. A subscription that has ended
// already is no error, and one that ends while the client is disconnected is
// not taken up again.
func (c *Client) Off(ctx context.Context, s *Subscription) error {
	if !c.forget(s) {
		return nil
	}
	return c.detach(ctx, s)
}

// OffPath ends every subscription whose path matches the pattern, in which *
// is any text.
func (c *Client) OffPath(ctx context.Context, pattern string) error {
	var failures []error
	for _, s := range c.allSubscriptions() {
		if s.path == pattern || matches(pattern, s.path) {
			failures = append(failures, c.Off(ctx, s))
		}
	}
	return errors.Join(failures...)
}

// OffAll ends every subscription with one request.
func (c *Client) OffAll(ctx context.Context) error {
	for _, s := range c.allSubscriptions() {
		c.forget(s)
	}
	_, err := c.call(ctx, &request{action: "off", path: "*", options: []byte(`{"referenceId":0}`)})
	return c.forgiven(err)
}

// forgiven drops the error of an off that found no connection: the server has
// forgotten the session, and the client will not subscribe again.
func (c *Client) forgiven(err error) error {
	if errors.Is(err, ErrDisconnected) && c.ctx.Err() == nil {
		return nil
	}
	return err
}

// detach tells the server that a subscription has ended. Without the
// connection it was made on there is nothing to tell.
func (c *Client) detach(ctx context.Context, s *Subscription) error {
	s.mu.Lock()
	l, ref := s.link, s.ref
	s.mu.Unlock()
	if l == nil || ref == "" {
		return nil // not answered yet: attach takes it back
	}
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	_, err := l.call(ctx, s.offRequest(ref))
	return c.forgiven(err)
}

func (s *Subscription) offRequest(ref string) *request {
	options, _ := json.Marshal(map[string]string{"referenceId": ref}) // a string always marshals
	return &request{action: "off", path: s.channel, options: options}
}

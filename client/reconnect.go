package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// reconnect tries until the client is connected with every subscription in
// place, or until there is no point in trying.
func (c *Client) reconnect() {
	o := &c.opts.Reconnect
	for attempt := 1; ; attempt++ {
		select {
		case <-time.After(backoff(o, attempt)):
		case <-c.ctx.Done():
			return
		}
		err := c.reopen()
		switch {
		case err == nil || c.ctx.Err() != nil:
			return
		case errors.Is(err, ErrSessionEnded), denied(err):
			c.giveUp(err)
			return
		case o.Attempts > 0 && attempt >= o.Attempts:
			c.giveUp(fmt.Errorf("gave up after %d attempts to reconnect: %w", attempt, err))
			return
		}
		c.opts.Logger.Warn("reconnect failed", "attempt", attempt, "error", err)
	}
}

// backoff is how long to wait before the n-th attempt, counted from 1. The
// randomness keeps the clients of a restarted server from coming all at once.
func backoff(o *ReconnectOptions, n int) time.Duration {
	ceiling := o.Max
	if n < 30 && o.Min<<n < o.Max && o.Min<<n > 0 {
		ceiling = o.Min << n
	}
	return o.Min + rand.N(ceiling-o.Min+1)
}

func (c *Client) reopen() error {
	l, info, err := c.open(c.ctx)
	if err != nil {
		return err
	}
	if err = c.resubscribe(l); err != nil {
		l.close(ErrClosed)
		return fmt.Errorf("subscribe again: %w", err)
	}
	if !c.establish(l, info) {
		err, _ = l.down()
		l.close(ErrClosed)
		if err == nil {
			err = ErrClosed
		}
		return err
	}
	return nil
}

func (c *Client) giveUp(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != StateClosed {
		c.setState(StateEnded, err)
	}
}

// resubscribeWindow is how many subscriptions are under way at once while the
// client takes them up again.
const resubscribeWindow = 256

// resubscribe takes up every subscription on a new link. Subscriptions that
// the server now refuses are dropped.
func (c *Client) resubscribe(l *link) error {
	results := make(chan error, resubscribeWindow) // an answer never waits for us
	started, done := 0, 0
	wait := func() error {
		ctx, cancel := c.bounded(c.ctx)
		defer cancel()
		select {
		case err := <-results:
			done++
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	for _, sub := range c.allSubscriptions() {
		if started-done == resubscribeWindow {
			if err := wait(); err != nil {
				return err
			}
		}
		if err := c.resubscribeOne(l, sub, results); err != nil {
			return err
		}
		started++
	}
	for done < started {
		if err := wait(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) resubscribeOne(l *link, sub *Subscription, results chan<- error) error {
	ctx, cancel := c.bounded(c.ctx)
	defer cancel()
	_, err := l.start(ctx, sub.request(), func(m *message, err error) {
		switch {
		case err == nil:
			err = sub.attach(l, m)
		case denied(err):
			c.lose(sub, err)
			err = nil
		}
		results <- err
	})
	return err
}

package client

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"time"
)

// publishWait is somebody waiting for the outcome of a publication.
type publishWait struct {
	once  sync.Once
	timer *time.Timer // nil when a caller waits with a context
	tell  func(*PublishResult, error)
}

func (w *publishWait) finish(r *PublishResult, err error) {
	w.once.Do(func() {
		if w.timer != nil {
			w.timer.Stop()
		}
		w.tell(r, err)
	})
}

// cancel makes sure that nobody is told any more.
func (w *publishWait) cancel() {
	w.once.Do(func() {
		if w.timer != nil {
			w.timer.Stop()
		}
	})
}

// write sends a set or remove. If the outcome of its publication is wanted, it
// arranges to be told, or waits for it.
func (c *Client) write(ctx context.Context, req *request, o *PublishOptions) (*Document, error) {
	follow := !o.NoPublish && (o.Consistency == Acknowledged || o.Consistency == Deferred && o.OnPublished != nil)
	if !follow {
		m, err := c.call(ctx, req)
		if err != nil {
			return nil, err
		}
		return m.document()
	}
	l, err := c.connected()
	if err != nil {
		return nil, err
	}
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	return l.writeAndFollow(ctx, req, o)
}

func (l *link) writeAndFollow(ctx context.Context, req *request, o *PublishOptions) (*Document, error) {
	type outcome struct {
		result *PublishResult
		err    error
	}
	waited := make(chan outcome, 1)
	w := &publishWait{tell: func(r *PublishResult, err error) { waited <- outcome{r, err} }}
	id := l.client.eventID.Add(1)
	key := l.session + "-" + strconv.FormatUint(id, 10)
	if o.OnPublished != nil {
		w.tell = func(r *PublishResult, err error) {
			l.client.events.add(func() { o.OnPublished(r, err) })
		}
		w.timer = time.AfterFunc(l.client.opts.CallTimeout, func() {
			l.unfollow(key)
			w.finish(nil, fmt.Errorf("outcome of publication %s: %w", key, timeoutError{}))
		})
	}
	if err := l.follow(key, w); err != nil {
		return nil, err
	}
	m, err := l.callWith(ctx, req, id)
	if err != nil {
		// The caller is told by this error; OnPublished is for what was written.
		l.unfollow(key)
		w.cancel()
		return nil, err
	}
	doc, err := m.document()
	if err != nil || o.OnPublished != nil {
		return doc, err
	}
	select {
	case got := <-waited:
		doc.Meta.Publish = got.result
		return doc, got.err
	case <-ctx.Done():
		l.unfollow(key)
		return doc, fmt.Errorf("%s %s: %w: %w", req.action, req.path, ErrUnacknowledged, context.Cause(ctx))
	}
}

func (l *link) follow(key string, w *publishWait) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		w.cancel()
		return l.downError()
	}
	l.publish[key] = w
	return nil
}

func (l *link) unfollow(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.publish, key)
}

// published handles the server's word on the outcome of a publication.
func (l *link) published(m *message) {
	l.mu.Lock()
	w := l.publish[m.publication]
	delete(l.publish, m.publication)
	l.mu.Unlock()
	if w == nil {
		return
	}
	var result *PublishResult
	if !null(m.result) {
		result = new(PublishResult)
		if err := json.Unmarshal(m.result, result); err != nil {
			w.finish(nil, fmt.Errorf("outcome of publication %s cannot be read: %w", m.publication, err))
			return
		}
	}
	if m.status == "error" {
		why := text(m.ackError)
		if why == "" {
			why = string(m.ackError)
		}
		w.finish(result, fmt.Errorf("%w: %s", ErrUnacknowledged, why))
		return
	}
	w.finish(result, nil)
}

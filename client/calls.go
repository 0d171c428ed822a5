package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/happn-host/happn-host/internal/rawjson"
)

// Get reads the document on a path without wildcard. It fails with ErrNotFound
// when there is none, or none that meets the query's criteria.
func (c *Client) Get(ctx context.Context, path string, q *Query) (*Document, error) {
	if wildcard(path) {
		return nil, fmt.Errorf("get %s: the path is a pattern: use GetAll", path)
	}
	m, err := c.query(ctx, "get", path, q, false)
	if err != nil {
		return nil, err
	}
	if null(m.data) {
		return nil, fmt.Errorf("get %s: %w", path, ErrNotFound)
	}
	doc, err := m.document()
	if doc != nil && doc.Meta.Path == "" {
		doc.Meta.Path = path // the reference leaves it out when fields are chosen
	}
	return doc, err
}

// GetAll reads the documents whose path matches the pattern, in which * is any
// text, slashes included. Without * it reads one document or none.
func (c *Client) GetAll(ctx context.Context, pattern string, q *Query) ([]Document, error) {
	m, err := c.query(ctx, "get", pattern, q, false)
	if err != nil {
		return nil, err
	}
	if !m.list {
		if null(m.data) {
			return nil, nil
		}
		doc, err := m.document()
		if err != nil {
			return nil, err
		}
		return []Document{*doc}, nil
	}
	return m.documents()
}

// GetPaths lists the paths of the documents that GetAll would read.
func (c *Client) GetPaths(ctx context.Context, pattern string, q *Query) ([]string, error) {
	m, err := c.query(ctx, "get", pattern, q, true)
	if err != nil {
		return nil, err
	}
	if !m.list {
		var meta Meta
		if err = json.Unmarshal(m.meta, &meta); err != nil || meta.Path == "" {
			return nil, err
		}
		return []string{meta.Path}, nil
	}
	docs, err := m.documents()
	if err != nil {
		return nil, err
	}
	paths := make([]string, len(docs))
	for i := range docs {
		paths[i] = docs[i].Meta.Path
	}
	return paths, nil
}

// Count counts the documents that GetAll would read; Limit and Skip apply
// before counting.
func (c *Client) Count(ctx context.Context, pattern string, q *Query) (int64, error) {
	m, err := c.query(ctx, "count", pattern, q, false)
	if err != nil {
		return 0, err
	}
	var answer struct {
		Value int64 `json:"value"`
	}
	if err = json.Unmarshal(m.data, &answer); err != nil {
		return 0, fmt.Errorf("count %s: answer cannot be read: %w", pattern, err)
	}
	return answer.Value, nil
}

func (c *Client) query(ctx context.Context, action, path string, q *Query, pathOnly bool) (*message, error) {
	if path == "" {
		return nil, fmt.Errorf("%s: %w", action, errNoPath)
	}
	options, err := q.encode(pathOnly)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", action, path, err)
	}
	return c.call(ctx, &request{action: action, path: path, options: options})
}

var errNoPath = errors.New("the path is empty")

// document is an answer that is one document.
func (m *message) document() (*Document, error) {
	doc := &Document{Data: m.data}
	if null(m.data) {
		doc.Data = nil
	}
	if err := json.Unmarshal(m.meta, &doc.Meta); err != nil {
		return nil, fmt.Errorf("meta of the answer cannot be read: %w", err)
	}
	return doc, nil
}

// documents is an answer that is a list: documents, and the answer's meta last.
func (m *message) documents() ([]Document, error) {
	var docs []Document
	var failure error
	for item := range rawjson.Elements(m.data) {
		if &item[0] == &m.meta[0] {
			continue
		}
		doc, err := splitItem(item)
		if err != nil && failure == nil {
			failure = fmt.Errorf("document %d of the answer cannot be read: %w", len(docs), err)
		}
		docs = append(docs, doc)
	}
	return docs, failure
}

// RevokeToken makes the session's token useless; the server then ends every
// session that was made with it, this one too.
func (c *Client) RevokeToken(ctx context.Context) error {
	_, err := c.call(ctx, &request{action: "revoke-token", writes: true})
	return err
}

// ChangePassword changes the password of the session's user.
func (c *Client) ChangePassword(ctx context.Context, oldPassword, newPassword string) error {
	data, _ := json.Marshal(struct {
		Old string `json:"oldPassword"`
		New string `json:"newPassword"`
	}{oldPassword, newPassword}) // strings always marshal
	_, err := c.call(ctx, &request{action: "change-password", data: data, writes: true})
	return err
}

// DisconnectChildSessions ends the sessions that logged in with this session's
// token, without revoking it.
func (c *Client) DisconnectChildSessions(ctx context.Context) error {
	_, err := c.call(ctx, &request{action: "disconnect-child-sessions", writes: true})
	return err
}

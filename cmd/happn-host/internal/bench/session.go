package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// session is a socket that has logged in.
type session struct {
	*socket
	id     string
	events int // event ids used by call
}

const (
	// firstEvent is the first event id of pipelined requests: ten digits, so
	// that every id is as long as the next.
	firstEvent = 1_000_000_000

	callTimeout = 60 * time.Second
)

// open connects and logs in.
func (c *Config) open(ctx context.Context) (*session, error) {
	host, path, err := c.endpoint()
	if err != nil {
		return nil, err
	}
	socket, err := dialSocket(ctx, host, path)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", c.URL, err)
	}
	s := &session{socket: socket}
	stop := context.AfterFunc(ctx, func() { _ = socket.conn.Close() })
	defer stop()
	if err = s.login(c); err != nil {
		_ = socket.conn.Close()
		return nil, err
	}
	return s, nil
}

func (s *session) login(c *Config) error {
	if _, err := s.call("configure-session", "", map[string]any{"protocol": "happn_4", "version": "13.12.1", "browser": false}, nil); err != nil {
		return err
	}
	if _, err := s.call("describe", "", nil, nil); err != nil {
		return err
	}
	login := map[string]any{"info": map[string]any{"_browser": false, "_local": false}, "protocol": "happn_4"}
	if c.Username != "" {
		login["username"], login["password"] = c.Username, c.Password
	}
	answer, err := s.call("login", "", login, nil)
	if err != nil {
		return err
	}
	var who struct {
		ID string `json:"id"`
	}
	if err = json.Unmarshal(answer, &who); err != nil || who.ID == "" {
		return errors.New("login was answered without a session id")
	}
	s.id = who.ID
	return nil
}

// call makes a request that is not measured and returns the answer's data.
func (s *session) call(action, path string, data, options any) (json.RawMessage, error) {
	s.events++
	request := map[string]any{"action": action, "eventId": s.events, "data": data}
	if path != "" {
		request["path"] = path
	}
	if s.id != "" {
		request["sessionId"] = s.id
	}
	if options != nil {
		request["options"] = options
	}
	raw, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	_ = s.conn.SetReadDeadline(time.Now().Add(callTimeout))
	defer func() { _ = s.conn.SetReadDeadline(time.Time{}) }()
	if err = s.write(appendFrame(nil, opText, raw)); err != nil {
		return nil, fmt.Errorf("%s: %w", action, err)
	}
	for {
		m, err := s.read()
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", action, path, err)
		}
		a, err := decode(m)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", action, path, err)
		}
		if a.Meta.EventID == uint64(s.events) {
			return a.Data, a.err()
		}
	}
}

// answer is a response or a publication, decoded in full.
type answer struct {
	Data  json.RawMessage `json:"data"`
	Meta  answerMeta      `json:"_meta"`
	items []json.RawMessage
}

type answerMeta struct {
	Type    string          `json:"type"`
	Status  string          `json:"status"`
	EventID uint64          `json:"eventId"`
	Channel string          `json:"channel"`
	Error   json.RawMessage `json:"error"`
}

func decode(m []byte) (answer, error) {
	var a answer
	if len(m) > 0 && m[0] == '[' {
		if err := json.Unmarshal(m, &a.items); err != nil {
			return a, fmt.Errorf("answer is no JSON: %w: %.200s", err, m)
		}
		if n := len(a.items); n > 0 {
			if err := json.Unmarshal(a.items[n-1], &a.Meta); err != nil {
				return a, fmt.Errorf("meta of the answer: %w: %.200s", err, a.items[n-1])
			}
			a.items = a.items[:n-1]
		}
		return a, nil
	}
	if err := json.Unmarshal(m, &a); err != nil {
		return a, fmt.Errorf("answer is no JSON: %w: %.200s", err, m)
	}
	return a, nil
}

func (a *answer) err() error {
	if a.Meta.Status == "ok" {
		return nil
	}
	return fmt.Errorf("server answered status %q, error %s", a.Meta.Status, a.Meta.Error)
}

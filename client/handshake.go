package client

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
)

// open connects, starts the reader and logs in. The link is not the client's
// yet.
func (c *Client) open(ctx context.Context) (*link, SessionInfo, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.opts.ConnectTimeout, errConnectTimeout)
	defer cancel()
	t, err := c.dial(ctx)
	if err != nil {
		return nil, SessionInfo{}, err
	}
	l := newLink(c, t)
	if !c.spawn(l.read) {
		_ = t.Close()
		return nil, SessionInfo{}, ErrClosed
	}
	info, err := l.handshake(ctx)
	if err != nil {
		l.close(ErrClosed)
		return nil, SessionInfo{}, err
	}
	l.session = info.ID
	return l, info, nil
}

var errConnectTimeout = errors.New("connecting took longer than the client's ConnectTimeout")

// handshake is the dialogue that every session begins with.
func (l *link) handshake(ctx context.Context) (SessionInfo, error) {
	var info SessionInfo
	hello, _ := json.Marshal(struct {
		Protocol string `json:"protocol"`
		Version  string `json:"version"`
		Browser  bool   `json:"browser"`
	}{protocolName, clientVersion, false}) // fixed fields always marshal
	if _, err := l.call(ctx, &request{action: "configure-session", data: hello}); err != nil {
		return info, fmt.Errorf("configure session: %w", err)
	}
	m, err := l.call(ctx, &request{action: "describe"})
	if err != nil {
		return info, fmt.Errorf("describe server: %w", err)
	}
	var server struct {
		Name   string `json:"name"`
		Secure bool   `json:"secure"`
	}
	if err = json.Unmarshal(m.data, &server); err != nil {
		return info, fmt.Errorf("describe server: answer cannot be read: %w", err)
	}
	credentials, err := l.credentials(ctx, server.Secure)
	if err != nil {
		return info, err
	}
	m, err = l.call(ctx, &request{action: "login", data: credentials})
	if err != nil {
		return info, fmt.Errorf("log in: %w", err)
	}
	var session struct {
		ID    string `json:"id"`
		Token string `json:"token"`
	}
	if err = json.Unmarshal(m.data, &session); err != nil || session.ID == "" {
		return info, errors.New("log in: the server's answer has no session id")
	}
	return SessionInfo{
		ID: session.ID, Token: session.Token, Raw: m.data,
		Server: server.Name, Secure: server.Secure,
	}, nil
}

// login is the data of a login request.
type login struct {
	Username  string         `json:"username,omitempty"`
	Password  string         `json:"password,omitempty"`
	Token     string         `json:"token,omitempty"`
	PublicKey string         `json:"publicKey,omitempty"`
	Digest    string         `json:"digest,omitempty"`
	LoginType string         `json:"loginType,omitempty"`
	AuthType  string         `json:"authType,omitempty"`
	Info      map[string]any `json:"info"`
	Protocol  string         `json:"protocol"`
}

func (l *link) credentials(ctx context.Context, secure bool) ([]byte, error) {
	o := &l.client.opts
	data := login{
		Username: o.Username, Password: o.Password, Token: o.Token,
		PublicKey: o.PublicKey, AuthType: o.AuthType, Protocol: protocolName,
		Info: map[string]any{"_browser": false, "_local": o.Local},
	}
	maps.Copy(data.Info, o.Info)
	if secure && o.PrivateKey != nil {
		digest, err := l.digest(ctx, o.PublicKey, o.PrivateKey)
		if err != nil {
			return nil, fmt.Errorf("log in with a key: %w", err)
		}
		data.Digest, data.LoginType = digest, "digest"
	}
	raw, err := json.Marshal(data)
	if err != nil {
		return nil, fmt.Errorf("log in: Options.Info: %w", err)
	}
	return raw, nil
}

// digest signs a nonce of the server, which proves that we have the key.
func (l *link) digest(ctx context.Context, publicKey string, key *rsa.PrivateKey) (string, error) {
	data, _ := json.Marshal(map[string]string{"publicKey": publicKey}) // strings always marshal
	m, err := l.call(ctx, &request{action: "request-nonce", data: data})
	if err != nil {
		return "", err
	}
	var answer struct {
		Nonce []byte `json:"nonce"` // base64
	}
	if err = json.Unmarshal(m.data, &answer); err != nil {
		return "", fmt.Errorf("nonce cannot be read: %w", err)
	}
	hash := sha256.Sum256(answer.Nonce)
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, hash[:])
	if err != nil {
		return "", fmt.Errorf("sign the nonce: %w", err)
	}
	return base64.StdEncoding.EncodeToString(signature), nil
}

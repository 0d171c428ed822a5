package token

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"github.com/happn-host/happn-host/internal/rawjson"
)

// MaxBytes bounds a token. Browsers keep no cookie of more than 4 KiB.
const MaxBytes = 32 << 10

// Errors of Parse.
var (
	// ErrInvalid is the answer to what is no token of this server.
	ErrInvalid = errors.New("invalid session token")
	// ErrExpired comes with the claims of a token that was good once.
	ErrExpired = errors.New("expired session token")
)

// encoding has one text for each content: Strict refuses bits that do not
// count, and canonical refuses what Go's decoder passes over.
var encoding = base64.RawURLEncoding.Strict()

// Sign returns the token with these claims; it sets ID where that is empty, and
// Expires.
func (r *Ring) Sign(c *Claims) (string, error) {
	if c.Policy[0] == nil || c.Policy[1] == nil {
		return "", errors.New("sign a session token: the session has no policy")
	}
	if c.ID == "" {
		c.ID = rand.Text()
	}
	c.Expires = c.expires()
	key := r.signing(r.options.Now().UnixMilli())
	payload := c.appendJSON(make([]byte, 0, 512))
	size := len(key.header) + 1 + encoding.EncodedLen(len(payload))
	if size+1+encoding.EncodedLen(32) > MaxBytes {
		return "", fmt.Errorf("sign a session token: it would be longer than %d bytes; shorten the permissions of its policy", MaxBytes)
	}
	out := make([]byte, 0, size+44)
	out = append(append(out, key.header...), '.')
	out = encoding.AppendEncode(out, payload)
	signature, err := jwt.SigningMethodHS256.Sign(string(out), key.secret)
	if err != nil {
		return "", fmt.Errorf("sign a session token: %w", err)
	}
	return string(encoding.AppendEncode(append(out, '.'), signature)), nil
}

// Parse returns the claims of a token that a key of this ring has signed. It
// fails with ErrInvalid, or with ErrExpired and the claims. Whether the token
// was revoked, and the user still exists, others know. What the claims refer to
// is shared and must not be changed. A token that is read again and again costs
// the looking up of its text.
func (r *Ring) Parse(token string) (*Claims, error) {
	now, ring := r.options.Now().UnixMilli(), r.keys.Load()
	c := r.verified.get(token, ring, now)
	if c == nil {
		var signer *key
		var err error
		if c, signer, err = r.parse(token, ring.list, now); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
		}
		r.verified.put(token, verifiedToken{*c, signer, ring})
	}
	if c.Expires > 0 && now > c.Expires {
		return c, ErrExpired
	}
	return c, nil
}

func (r *Ring) parse(token string, ring []*key, now int64) (*Claims, *key, error) {
	if len(token) > MaxBytes {
		return nil, nil, fmt.Errorf("%d bytes", len(token))
	}
	header, rest, _ := strings.Cut(token, ".")
	body, tail, found := strings.Cut(rest, ".")
	if !found || strings.Contains(tail, ".") {
		return nil, nil, errors.New("it has not three parts")
	}
	keys, foreign, err := r.candidates(header, ring, now)
	if err != nil {
		return nil, nil, err
	}
	signature, err := canonical(tail)
	if err != nil {
		return nil, nil, err
	}
	signer := signedBy(keys, token[:len(token)-len(tail)-1], signature)
	if signer == nil {
		return nil, nil, errors.New("the signature is not good")
	}
	payload, err := canonical(body)
	if err != nil {
		return nil, nil, err
	}
	if foreign {
		if payload, err = unpackPayload(payload); err != nil {
			return nil, nil, err
		}
	}
	c := &Claims{Foreign: foreign}
	return c, signer, c.parse(payload, foreign)
}

func signedBy(keys []*key, signed string, signature []byte) *key {
	for _, k := range keys {
		if jwt.SigningMethodHS256.Verify(signed, signature, k.secret) == nil { // compares in constant time
			return k
		}
	}
	return nil
}

// candidates returns the keys that may have signed a token with this header.
func (r *Ring) candidates(header string, ring []*key, now int64) (keys []*key, foreign bool, err error) {
	for _, k := range ring {
		if k.header == header && k.accepted(now) {
			return []*key{k}, false, nil
		}
	}
	kid, err := readHeader(header)
	if err != nil {
		return nil, false, err
	}
	for _, k := range ring {
		if k.accepted(now) && (kid == k.id || kid == "" && r.options.CompatTokens) {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil, false, errors.New("no key of this server is the one that it names")
	}
	return keys, kid == "", nil
}

// readHeader returns the id of the key that a header names, if the algorithm is
// the one that is used here.
func readHeader(header string) (kid string, err error) {
	raw, err := canonical(header)
	if err != nil {
		return "", err
	}
	if err := new(rawjson.Scanner).Valid(raw); err != nil || !rawjson.IsObject(raw) {
		return "", errors.New("its header is no JSON object")
	}
	algorithm := ""
	for name, val := range rawjson.Members(raw) {
		value := string(rawjson.Unquote(val))
		switch string(name) {
		case "alg":
			algorithm = value
		case "kid":
			if kid = value; kid == "" {
				return "", errors.New("it names a key without a name")
			}
		case "typ":
			if !strings.EqualFold(value, "JWT") {
				return "", errors.New("it is of another type")
			}
		case "crit":
			return "", errors.New("it needs an extension")
		}
	}
	if algorithm != jwt.SigningMethodHS256.Name {
		return "", fmt.Errorf("its algorithm is %.20q", algorithm)
	}
	return kid, nil
}

// canonical decodes a part of a token.
func canonical(part string) ([]byte, error) {
	if strings.ContainsAny(part, "\r\n") {
		return nil, errors.New("it has line breaks")
	}
	raw, err := encoding.DecodeString(part)
	if err != nil {
		return nil, errors.New("a part of it is no base64")
	}
	return raw, nil
}

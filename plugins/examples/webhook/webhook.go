package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/happn-host/happn-host/plugins/sdk"
)

// source is one sender of posts, as configured.
type source struct {
	Route  string `json:"route"`  // the path below the plugin's that it posts to
	Path   string `json:"path"`   // what is set; {name} is a header, a parameter or a member of the body
	Secret string `json:"secret"` // key of the signature; without one nothing is checked
	Header string `json:"header"` // of the signature, in lower case
	Event  bool   `json:"event"`  // publish only, store nothing
}

type hook struct{ sources []source }

// configure reads the operator's sources.
func (h *hook) configure(config []byte) error {
	var c struct {
		Sources []source `json:"sources"`
	}
	d := json.NewDecoder(bytes.NewReader(config))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return err
	}
	for i, s := range c.Sources {
		key := fmt.Sprintf("sources[%d]", i)
		switch {
		case !strings.HasPrefix(s.Route, "/"):
			return fmt.Errorf("%s.route must begin with a slash", key)
		case s.Path == "" || strings.Contains(s.Path, "*"):
			return fmt.Errorf("%s.path must be a path without wildcards", key)
		case s.Secret != "" && s.Header == "":
			c.Sources[i].Header = "x-hub-signature-256"
		}
	}
	h.sources = c.Sources
	return nil
}

// receive answers one post.
func (h *hook) receive(r *sdk.HTTPRequest) sdk.HTTPResponse {
	for i := range h.sources {
		if s := &h.sources[i]; s.Route == r.Path() {
			return s.receive(r)
		}
	}
	return sdk.NoRoute()
}

func (s *source) receive(r *sdk.HTTPRequest) sdk.HTTPResponse {
	if s.Secret != "" && !s.signed(r) {
		return sdk.HTTPError(401, "the signature in "+s.Header+" is not that of the body")
	}
	body := bytes.TrimSpace(r.Body())
	if !json.Valid(body) {
		return sdk.HTTPError(400, "the body has to be JSON")
	}
	path, err := s.target(r, body)
	if err != nil {
		return sdk.HTTPError(400, err.Error())
	}
	if s.Event {
		err = sdk.Publish(path, body)
	} else {
		err = sdk.Set(path, body, sdk.Write{})
	}
	switch {
	case errors.Is(err, sdk.ErrRefused), errors.Is(err, sdk.ErrInvalid):
		return sdk.HTTPError(422, err.Error())
	case err != nil:
		return sdk.HTTPFail(err.Error()) // the operator's to mend: a missing permission, a full disk
	}
	return sdk.HTTPResponse{Status: 204}
}

// signed checks the HMAC-SHA256 of the body, in hexadecimal, as GitHub and others
// send it, with "sha256=" before it or without.
func (s *source) signed(r *sdk.HTTPRequest) bool {
	given, err := hex.DecodeString(strings.TrimPrefix(r.Header(s.Header), "sha256="))
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, []byte(s.Secret))
	mac.Write(r.Body())
	return hmac.Equal(given, mac.Sum(nil))
}

// target fills in the source's path.
func (s *source) target(r *sdk.HTTPRequest, body []byte) (string, error) {
	out := ""
	rest := s.Path
	for {
		before, after, found := strings.Cut(rest, "{")
		out += before
		if !found {
			return out, nil
		}
		name, after, found := strings.Cut(after, "}")
		if !found {
			return "", errors.New("the configured path has a { without a }")
		}
		value := lookup(r, body, name)
		if value == "" || strings.ContainsAny(value, "/*") {
			return "", fmt.Errorf("%s is missing, or has a slash or an asterisk in it", name)
		}
		out += value
		rest = after
	}
}

// lookup returns what a name in a path stands for.
func lookup(r *sdk.HTTPRequest, body []byte, name string) string {
	if header, ok := strings.CutPrefix(name, "header."); ok {
		return r.Header(header)
	}
	if parameter, ok := strings.CutPrefix(name, "query."); ok {
		return r.Query(parameter)
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil {
		return ""
	}
	return strings.Trim(string(members[name]), `"`)
}

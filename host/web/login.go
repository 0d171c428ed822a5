package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/happn-host/happn-host/host/transport"
)

// parameter returns the first of the named parameters of a query; the case of
// the names does not count.
func parameter(query url.Values, names ...string) string {
	for _, name := range names {
		if v := query.Get(name); v != "" {
			return v
		}
	}
	for given, values := range query {
		for _, name := range names {
			if strings.EqualFold(given, name) && values[0] != "" {
				return values[0]
			}
		}
	}
	return ""
}

func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	c := Credentials{
		Username:  parameter(query, "user", "username", "u"),
		Password:  parameter(query, "password", "pwd", "pass", "p"),
		PublicKey: parameter(query, "publicKey", "public_key", "public", "key", "public-key", "pk"),
		Token:     parameter(query, "token", "happn_token", "t"),
		Digest:    parameter(query, "digest"),
		Address:   s.AddressOf(r),
		Encrypted: s.encrypted(r),
		Header:    r.Header,
	}
	token, err := s.options.Access.Login(r.Context(), c)
	if err != nil {
		s.loginFailed(w, r, err)
		return
	}
	// A token that somebody else may have put into a link becomes nobody's
	// cookie, and neither does a login that another site's page makes.
	if s.options.Cookie.Set && c.Token == "" && s.foreign(r) == nil {
		http.SetCookie(w, s.cookie(r, token))
	}
	answer(w, http.StatusOK, "login successful", token, nil)
}

func (s *Server) loginFailed(w http.ResponseWriter, r *http.Request, err error) {
	var why *LoginError
	if !errors.As(err, &why) {
		s.options.Logger.Error("a login over HTTP failed", "error", err)
		why = &LoginError{Name: "Error", Code: http.StatusInternalServerError, Message: "the login could not be carried out"}
	}
	status := http.StatusInternalServerError
	if why.Code == http.StatusUnauthorized || why.Message == "use of _ADMIN credentials over the network is disabled" {
		status = http.StatusUnauthorized
	}
	answer(w, status, "login failed", "", why)
}

func (s *Server) nonce(w http.ResponseWriter, r *http.Request) {
	key := parameter(r.URL.Query(), "publicKey", "public_key", "public", "key", "public-key")
	if key == "" {
		transport.ErrorPage(w, http.StatusInternalServerError, "Error: no public key with request")
		return
	}
	nonce, err := s.options.Access.Nonce(key)
	if err != nil {
		transport.ErrorPage(w, http.StatusInternalServerError, "Error: "+err.Error())
		return
	}
	answer(w, http.StatusOK, "nonce generated", nonce, nil)
}

func (s *Server) logout(w http.ResponseWriter, r *http.Request, v Visitor) {
	if !s.options.AllowLogout {
		s.forbidden.refuse(w, r, http.StatusForbidden, "logouts over http are not allowed")
		return
	}
	if err := s.options.Access.Revoke(r.Context(), v); err != nil {
		s.options.Logger.Error("a logout over HTTP failed", "error", err)
		transport.ErrorPage(w, http.StatusInternalServerError, "Error: the token could not be revoked")
		return
	}
	if s.options.Cookie.Set {
		http.SetCookie(w, s.cookie(r, ""))
	}
	answer(w, http.StatusOK, "logout successful", v.Token(), nil)
}

// answer writes what the /auth routes answer, blanks included.
func answer(w http.ResponseWriter, status int, message, data string, failure *LoginError) {
	quoted := "null"
	if data != "" {
		quoted = string(encode(data))
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store") // it may be a token
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"message":"%s", "data":%s, "error":%s}`, message, quoted, encode(failure))
}

func encode(v any) []byte {
	text, _ := json.Marshal(v) // texts and numbers cannot fail
	return text
}

package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/happn-host/happn-host/security/login"
)

const tokenUsage = `Usage: happn-host token login --user name
       happn-host token list
       happn-host token revoke [--reason text] < file
       happn-host token restore id
       happn-host token unlock-user name

Manages the tokens that a running host with access control gave to those who logged in. The token to revoke is
read from standard input, since everybody on a machine can see the arguments of its programs; happn-host
session revoke does the same by the id of a session that has it. Revoked tokens are listed by ids.

  login          print a token, for HAPPN_TOKEN
  list           show what is revoked
  revoke         make the token useless and end its sessions
  restore        let a revoked token serve again; without an id the token is read from standard input
  unlock-user    let a user that too many wrong passwords have locked log in again

  --reason text  for those who list revocations
` + credentialsUsage

func tokenCommand(ctx context.Context, p *process, args []string) int {
	a, flags := &administration{}, newFlags("token")
	flags.StringVar(&a.flags.reason, "reason", "", "")
	return p.administer(ctx, tokenUsage, map[string]verb{
		"login":       {run: printToken},
		"list":        {run: listRevoked},
		"revoke":      {needs: "no arguments, but the token from standard input", run: revokeToken},
		"restore":     {needs: "the id of a revocation, or nothing and the token from standard input", most: 1, run: restoreToken},
		"unlock-user": {needs: "the name of a user", least: 1, most: 1, run: unlockUser},
	}, flags, a, args)
}

// printToken prints the token that --user was logged in with. One that was given
// would be printed without having been looked at.
func printToken(_ context.Context, a *administration) error {
	if !a.loggedIn {
		return &usageError{"name the user with --user"}
	}
	return a.say("%s", a.at.token)
}

func listRevoked(ctx context.Context, a *administration) error {
	var all []login.Revocation
	err := a.request(ctx, http.MethodGet, nil, nil, &all, "tokens", "revoked")
	for _, r := range all {
		_ = a.say("%s  %s  %-36s  %-16s %s", r.ID, time.UnixMilli(r.Timestamp).Format(time.RFC3339), r.SessionID, r.Username, r.Reason)
	}
	return err
}

// maxToken bounds the text of a token, in bytes; real ones have a few hundred.
const maxToken = 1 << 16

// tokenBody returns the body that names the token of standard input.
func (a *administration) tokenBody() (map[string]any, error) {
	if a.stdin == nil {
		return nil, errors.New("there is no standard input to read the token from")
	}
	text, err := io.ReadAll(io.LimitReader(a.stdin, maxToken))
	if err != nil {
		return nil, err
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return nil, &usageError{"standard input has no token"}
	}
	return map[string]any{"token": token}, nil
}

func revokeToken(ctx context.Context, a *administration) error {
	body, err := a.tokenBody()
	if err != nil {
		return err
	}
	if a.flags.reason != "" {
		body["reason"] = a.flags.reason
	}
	var done struct{}
	if err := a.request(ctx, http.MethodPost, nil, body, &done, "tokens", "revoke"); err != nil {
		return err
	}
	return a.say("the token is revoked")
}

func restoreToken(ctx context.Context, a *administration) error {
	body := map[string]any{}
	if len(a.args) > 0 {
		body["id"] = a.args[0]
	} else {
		var err error
		if body, err = a.tokenBody(); err != nil {
			return err
		}
	}
	var done struct{}
	if err := a.request(ctx, http.MethodPost, nil, body, &done, "tokens", "restore"); err != nil {
		return err
	}
	return a.say("the token may serve again")
}

func unlockUser(ctx context.Context, a *administration) error {
	var done struct{}
	if err := a.request(ctx, http.MethodPost, nil, nil, &done, "users", a.args[0], "unlock"); err != nil {
		return err
	}
	return a.say("user %s may log in again", a.args[0])
}

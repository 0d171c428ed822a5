package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/happn-host/happn-host/security/login"
	"github.com/happn-host/happn-host/security/token"
)

const tokenUsage = `Usage: happn-host token login --user name
       happn-host token list
       happn-host token revoke [--reason text] < file
       happn-host token restore id
       happn-host token unlock-user name
       happn-host token keys
       happn-host token rotate [--grace duration]

Manages the tokens that a running host with access control gave to those who logged in. The token to revoke is
read from standard input, since everybody on a machine can see the arguments of its programs; happn-host
session revoke does the same by the id of a session that has it. Revoked tokens are listed by ids.

  login          print a token, for HAPPN_TOKEN
  list           show what is revoked
  revoke         make the token useless and end its sessions
  restore        let a revoked token serve again; without an id the token is read from standard input
  unlock-user    let a user that too many wrong passwords have locked log in again
  keys           show the keys that sign tokens, the newest first
  rotate         make a new key, which signs tokens from now on

  --reason text     for those who list revocations
  --grace duration  that tokens of older keys are accepted, such as 24h; default security.token.retireAfter. 0s
                    ends them at once, but not the sessions that are connected
` + credentialsUsage

func tokenCommand(ctx context.Context, p *process, args []string) int {
	a, flags := &administration{}, newFlags("token")
	flags.StringVar(&a.flags.reason, "reason", "", "")
	flags.StringVar(&a.flags.grace, "grace", "", "")
	return p.administer(ctx, tokenUsage, map[string]verb{
		"login":       {run: printToken},
		"list":        {run: listRevoked},
		"revoke":      {needs: "no arguments, but the token from standard input", run: revokeToken},
		"restore":     {needs: "the id of a revocation, or nothing and the token from standard input", most: 1, run: restoreToken},
		"unlock-user": {needs: "the name of a user", least: 1, most: 1, run: unlockUser},
		"keys":        {run: listKeys},
		"rotate":      {run: rotateKeys},
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
		_ = a.say("%s  %s  %-36s  %-16s %s", r.ID, moment(r.Timestamp), r.SessionID, r.Username, r.Reason)
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
	which := strings.TrimSpace(string(text))
	if which == "" {
		return nil, &usageError{"standard input has no token"}
	}
	return map[string]any{"token": which}, nil
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

func listKeys(ctx context.Context, a *administration) error {
	var all []token.Key
	if err := a.request(ctx, http.MethodGet, nil, nil, &all, "tokens", "keys"); err != nil {
		return err
	}
	return a.sayKeys(all)
}

func (a *administration) sayKeys(all []token.Key) error {
	var failure error
	for _, k := range all {
		does := "accepted, and never retires"
		switch {
		case k.Signs:
			does = "signs since " + moment(k.From)
		case k.From > time.Now().UnixMilli():
			does = "will sign from " + moment(k.From)
		case k.Retires > 0:
			does = "accepted until " + moment(k.Retires)
		}
		failure = errors.Join(failure, a.say("%s  made %s  %s", k.ID, moment(k.Created), does))
	}
	return failure
}

// moment is a Unix time in ms for people.
func moment(ms int64) string { return time.UnixMilli(ms).Format(time.RFC3339) }

func rotateKeys(ctx context.Context, a *administration) error {
	body := map[string]any{}
	if a.flags.grace != "" {
		body["grace"] = a.flags.grace
	}
	var all []token.Key
	if err := a.request(ctx, http.MethodPost, nil, body, &all, "tokens", "keys"); err != nil {
		return err
	}
	return a.sayKeys(all)
}

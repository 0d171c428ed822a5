package main

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/happn-host/happn-host/security/activity"
)

const sessionUsage = `Usage: happn-host session list
       happn-host session show id
       happn-host session disconnect id [--reason text]
       happn-host session revoke id [--reason text]
       happn-host session activity [id]

Lists the clients that are connected to a running host, and disconnects them. A client that is disconnected may
log in again; revoke makes its token useless and ends all sessions that have it, and happn-host user remove
keeps its user away; activity shows what each session asked for last (security.activity.enabled). Without access control the host must be on this machine and listen on a loopback address.

  --reason text  what the client is told; with revoke, for those who list revocations
` + credentialsUsage

func sessionCommand(ctx context.Context, p *process, args []string) int {
	a, flags := &administration{}, newFlags("session")
	flags.StringVar(&a.flags.reason, "reason", "", "")
	return p.administer(ctx, sessionUsage, map[string]verb{
		"list":       {run: listSessions},
		"show":       {needs: "the id of a session", least: 1, most: 1, run: showSession},
		"disconnect": {needs: "the id of a session", least: 1, most: 1, run: disconnectSession},
		"revoke":     {needs: "the id of a session", least: 1, most: 1, run: revokeSession},
		"activity":   {needs: "the id of a session, or nothing", most: 1, run: listActivity},
	}, flags, a, args)
}

func listSessions(ctx context.Context, a *administration) error {
	var all []struct {
		ID, Protocol string
		User         struct{ Username string }
		Address      json.RawMessage
	}
	err := a.request(ctx, http.MethodGet, nil, nil, &all, "sessions")
	for _, s := range all {
		_ = a.say("%s  %-8s %-16s %s", s.ID, s.Protocol, ipOf(s.Address), s.User.Username)
	}
	return err
}

// ipOf returns the IP address of a client, or what the record says of one that
// has none, since it is a part of the host's program.
func ipOf(address json.RawMessage) (ip string) {
	var of struct{ IP string }
	if json.Unmarshal(address, &of) == nil {
		return of.IP
	}
	_ = json.Unmarshal(address, &ip) // an unknown form is left out
	return ip
}

func showSession(ctx context.Context, a *administration) error {
	var session json.RawMessage
	if err := a.request(ctx, http.MethodGet, nil, nil, &session, "sessions", a.args[0]); err != nil {
		return err
	}
	return a.show(session)
}

func disconnectSession(ctx context.Context, a *administration) error {
	var done struct{}
	if err := a.request(ctx, http.MethodDelete, query("reason", a.flags.reason), nil, &done, "sessions", a.args[0]); err != nil {
		return err
	}
	return a.say("session %s is disconnected", a.args[0])
}

func revokeSession(ctx context.Context, a *administration) error {
	body := map[string]any{"session": a.args[0]}
	if a.flags.reason != "" {
		body["reason"] = a.flags.reason
	}
	var done struct{}
	if err := a.request(ctx, http.MethodPost, nil, body, &done, "tokens", "revoke"); err != nil {
		return err
	}
	return a.say("the token of session %s is revoked", a.args[0])
}

func listActivity(ctx context.Context, a *administration) error {
	var of string
	if len(a.args) > 0 {
		of = a.args[0]
	}
	for skip, some := 0, 1; some > 0; skip += some {
		var page []activity.Entry
		err := a.request(ctx, http.MethodGet, query("session", of, "skip", strconv.Itoa(skip)), nil, &page, "activity")
		if err != nil {
			return err
		}
		for _, e := range page {
			does := "permitted"
			if !e.Authorized {
				does = "refused (" + cmp.Or(e.Reason, e.Error) + ")"
			}
			if err := a.say("%s  %s  %-6s %s  %s", e.Session, moment(e.Time), e.Action, e.Path, does); err != nil {
				return err
			}
		}
		some = len(page)
	}
	return nil
}

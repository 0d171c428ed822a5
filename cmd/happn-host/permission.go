package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/happn-host/happn-host/security"
)

const permissionUsage = `Usage: happn-host permission list   user|group name
       happn-host permission grant  user|group name path action... [--prohibit]
       happn-host permission revoke user|group name path [action...]
       happn-host permission revoke user|group name --all

Tells, gives and takes what a user, or the users of a group, may do on paths of a running host with access
control. Actions are get, set, on and remove for documents; get, put, post, delete, head and options for HTTP
routes, whose paths begin with /@HTTP; and * for all of them. In a path * stands for any text and
{{user.username}} for the name of whoever asks. What is prohibited stays so, whatever else is permitted.
Changes count at once.

  happn-host permission grant group staff '/orders/*' get on
  happn-host permission grant group staff /orders/secret '*' --prohibit
  happn-host permission revoke group staff '/orders/*' on

  --prohibit     prohibit the actions instead
  --all          take every permission and prohibition
` + credentialsUsage

func permissionCommand(ctx context.Context, p *process, args []string) int {
	a, flags := &administration{}, newFlags("permission")
	flags.BoolVar(&a.flags.prohibit, "prohibit", false, "")
	flags.BoolVar(&a.flags.all, "all", false, "")
	return p.administer(ctx, permissionUsage, map[string]verb{
		"list":   {needs: "user or group and its name", least: 2, most: 2, run: listPermissions},
		"grant":  {needs: "user or group, its name, a path and actions", least: 4, most: -1, run: grantPermission},
		"revoke": {needs: "user or group, its name and a path, and may take actions; or --all instead of a path", least: 2, most: -1, run: revokePermission},
	}, flags, a, args)
}

// permissions does something to the permissions of the holder that the first two
// arguments name.
func (a *administration) permissions(ctx context.Context, method string, parameters map[string][]string, body, answer any) error {
	kind := a.args[0]
	if kind != "user" && kind != "group" {
		return &usageError{fmt.Sprintf("found %q where user or group has to stand, before the name", kind)}
	}
	return a.request(ctx, method, parameters, body, answer, kind+"s", a.args[1], "permissions")
}

func listPermissions(ctx context.Context, a *administration) error {
	var all []security.Granted
	err := a.permissions(ctx, http.MethodGet, nil, nil, &all)
	for _, g := range all {
		_ = a.say("%-10s %-8s %s", verdict(g.Authorized), g.Action, g.Path)
	}
	return err
}

func verdict(authorized bool) string {
	if authorized {
		return "permitted"
	}
	return "prohibited"
}

// actions returns the actions of the arguments from the fourth on, which may
// also be one list with commas.
func (a *administration) actions() ([]string, error) {
	var all []string
	for _, argument := range a.args[min(3, len(a.args)):] {
		for name := range strings.SplitSeq(argument, ",") {
			if _, ok := security.ParseAction(name); !ok {
				return nil, &usageError{fmt.Sprintf("%q is no action; there are get, set, on, remove, put, post, delete, head, options and *", name)}
			}
			all = append(all, name)
		}
	}
	return all, nil
}

func grantPermission(ctx context.Context, a *administration) error {
	actions, err := a.actions()
	if err != nil {
		return err
	}
	for _, action := range actions {
		g := security.Granted{Path: a.args[2], Action: action, Authorized: !a.flags.prohibit}
		var done struct{}
		if err := a.permissions(ctx, http.MethodPut, nil, g, &done); err != nil {
			return err
		}
		if err := a.say("%s %s: %s %s on %s", a.args[0], a.args[1], verdict(g.Authorized), g.Action, g.Path); err != nil {
			return err
		}
	}
	return nil
}

func revokePermission(ctx context.Context, a *administration) error {
	actions, err := a.actions()
	switch {
	case err != nil:
		return err
	case a.flags.all == (len(a.args) > 2):
		return &usageError{"name a path, or take everything with --all"}
	case len(actions) == 0:
		actions = []string{""}
	}
	path := ""
	if !a.flags.all {
		if path = a.args[2]; path == "" {
			return &usageError{"the path is empty; take everything with --all"}
		}
	}
	removed := 0
	for _, action := range actions {
		var done struct{ Removed int }
		if err := a.permissions(ctx, http.MethodDelete, query("path", path, "action", action), nil, &done); err != nil {
			return err
		}
		removed += done.Removed
	}
	if removed == 0 {
		return fmt.Errorf("%s %s has no such permission of its own; happn-host permission list %s %s shows those it has",
			a.args[0], a.args[1], a.args[0], a.args[1])
	}
	return a.say("%s %s: %s taken", a.args[0], a.args[1], counted(removed, "permission"))
}

package main

import (
	"context"
	"encoding/json"
	"net/http"
)

const userUsage = `Usage: happn-host user list [--name pattern] [--group name]
       happn-host user show name
       happn-host user add name [--data json] [--key key]
       happn-host user password name
       happn-host user link|unlink name group
       happn-host user remove name

Manages the users of a running host with access control. A user may do what is permitted to it and to the
groups that it is linked with; changes count at once. A new password is taken from the environment variable
HAPPN_NEW_PASSWORD, or asked for. The first user is _ADMIN, who may do everything; the first start of the host
shows its password.

  --name pattern  list the users whose names begin like this; * stands for any text
  --group name    list the users of this group
  --data json     whatever the application keeps with the user (custom_data)
  --key key       public key for logins with a digest; such a user needs no password
` + credentialsUsage

func userCommand(ctx context.Context, p *process, args []string) int {
	a, flags := &administration{}, newFlags("user")
	flags.StringVar(&a.flags.name, "name", "", "")
	flags.StringVar(&a.flags.group, "group", "", "")
	flags.StringVar(&a.flags.data, "data", "", "")
	flags.StringVar(&a.flags.key, "key", "", "")
	return p.administer(ctx, userUsage, map[string]verb{
		"list":     {run: listUsers},
		"show":     {needs: "the name of a user", least: 1, most: 1, run: showUser},
		"add":      {needs: "the name of a user", least: 1, most: 1, run: addUser},
		"password": {needs: "the name of a user", least: 1, most: 1, run: setPassword},
		"remove":   {needs: "the name of a user", least: 1, most: 1, run: removeUser},
		"link":     {needs: "the names of a user and a group", least: 2, most: 2, run: linkUser},
		"unlink":   {needs: "the names of a user and a group", least: 2, most: 2, run: unlinkUser},
	}, flags, a, args)
}

func listUsers(ctx context.Context, a *administration) error {
	var all []struct{ Username string }
	err := a.request(ctx, http.MethodGet, query("name", a.flags.name, "group", a.flags.group), nil, &all, "users")
	for _, u := range all {
		_ = a.say("%s", u.Username)
	}
	return err
}

func showUser(ctx context.Context, a *administration) error {
	var user json.RawMessage
	if err := a.request(ctx, http.MethodGet, nil, nil, &user, "users", a.args[0]); err != nil {
		return err
	}
	return a.show(user)
}

func addUser(ctx context.Context, a *administration) error {
	name, body := a.args[0], map[string]any{}
	if err := a.customData(body); err != nil {
		return err
	}
	if a.flags.key != "" {
		body["publicKey"] = a.flags.key
	}
	if a.flags.key == "" || a.variable("HAPPN_NEW_PASSWORD") != "" {
		secret, err := a.newPassword(name)
		if err != nil {
			return err
		}
		body["password"] = secret
	}
	var done json.RawMessage
	if err := a.request(ctx, http.MethodPut, query("create", "true"), body, &done, "users", name); err != nil {
		return err
	}
	return a.say("user %s is there; it may do nothing until it is linked with a group or given permissions", name)
}

func setPassword(ctx context.Context, a *administration) error {
	name := a.args[0]
	var done json.RawMessage
	// A password for a name that is not there would make a user.
	if err := a.request(ctx, http.MethodGet, nil, nil, &done, "users", name); err != nil {
		return err
	}
	secret, err := a.newPassword(name)
	if err != nil {
		return err
	}
	if err := a.request(ctx, http.MethodPut, nil, map[string]any{"password": secret}, &done, "users", name); err != nil {
		return err
	}
	return a.say("user %s has a new password", name)
}

func removeUser(ctx context.Context, a *administration) error {
	var done struct{}
	if err := a.request(ctx, http.MethodDelete, nil, nil, &done, "users", a.args[0]); err != nil {
		return err
	}
	return a.say("user %s is gone", a.args[0])
}

func linkUser(ctx context.Context, a *administration) error {
	var done struct{}
	if err := a.request(ctx, http.MethodPut, nil, struct{}{}, &done, "users", a.args[0], "groups", a.args[1]); err != nil {
		return err
	}
	return a.say("user %s is in group %s", a.args[0], a.args[1])
}

func unlinkUser(ctx context.Context, a *administration) error {
	var done struct{}
	if err := a.request(ctx, http.MethodDelete, nil, nil, &done, "users", a.args[0], "groups", a.args[1]); err != nil {
		return err
	}
	return a.say("user %s is no longer in group %s", a.args[0], a.args[1])
}

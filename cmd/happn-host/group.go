package main

import (
	"context"
	"encoding/json"
	"net/http"
)

const groupUsage = `Usage: happn-host group list [--name pattern]
       happn-host group show name
       happn-host group add name [--parent group] [--data json]
       happn-host group remove name

Manages the groups of a running host with access control. What is permitted to a group, its users may do: see
happn-host help permission. happn-host user link puts a user into a group.

  --name pattern  list the groups whose names begin like this; * stands for any text
  --parent group  group that the new one is a part of
  --data json     whatever the application keeps with the group (custom_data)
` + credentialsUsage

func groupCommand(ctx context.Context, p *process, args []string) int {
	a, flags := &administration{}, newFlags("group")
	flags.StringVar(&a.flags.name, "name", "", "")
	flags.StringVar(&a.flags.parent, "parent", "", "")
	flags.StringVar(&a.flags.data, "data", "", "")
	return p.administer(ctx, groupUsage, map[string]verb{
		"list":   {run: listGroups},
		"show":   {needs: "the name of a group", least: 1, most: 1, run: showGroup},
		"add":    {needs: "the name of a group", least: 1, most: 1, run: addGroup},
		"remove": {needs: "the name of a group", least: 1, most: 1, run: removeGroup},
	}, flags, a, args)
}

func listGroups(ctx context.Context, a *administration) error {
	var all []struct{ Name string }
	err := a.request(ctx, http.MethodGet, query("name", a.flags.name), nil, &all, "groups")
	for _, g := range all {
		_ = a.say("%s", g.Name)
	}
	return err
}

func showGroup(ctx context.Context, a *administration) error {
	var group json.RawMessage
	if err := a.request(ctx, http.MethodGet, nil, nil, &group, "groups", a.args[0]); err != nil {
		return err
	}
	return a.show(group)
}

func addGroup(ctx context.Context, a *administration) error {
	body := map[string]any{}
	if err := a.customData(body); err != nil {
		return err
	}
	var done struct{ Name string }
	if err := a.request(ctx, http.MethodPut, query("create", "true", "parent", a.flags.parent), body, &done, "groups", a.args[0]); err != nil {
		return err
	}
	return a.say("group %s is there", done.Name)
}

func removeGroup(ctx context.Context, a *administration) error {
	var done struct{}
	if err := a.request(ctx, http.MethodDelete, nil, nil, &done, "groups", a.args[0]); err != nil {
		return err
	}
	return a.say("group %s is gone", a.args[0])
}

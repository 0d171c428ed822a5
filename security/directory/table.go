package directory

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"github.com/happn-host/happn-host/security"
	"github.com/happn-host/happn-host/security/permit"
)

// LookupTables returns the names of the lookup tables that have paths, sorted.
func (d *Directory) LookupTables() []string {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var names []string
	for _, name := range sortedKeys(d.state.tables) {
		if len(d.state.tables[name].Paths()) > 0 {
			names = append(names, name)
		}
	}
	return names
}

// LookupTable returns a lookup table. One that nobody made is empty.
func (d *Directory) LookupTable(name string) security.LookupTable {
	d.mu.RLock()
	defer d.mu.RUnlock()
	out := security.LookupTable{Name: name, Paths: []string{}}
	if t := d.state.tables[name]; t != nil {
		out.Paths = t.Paths()
		slices.Sort(out.Paths)
	}
	return out
}

// UpsertLookupTable adds paths to a lookup table, which is made if it is missing.
func (d *Directory) UpsertLookupTable(ctx context.Context, t security.LookupTable) error {
	return d.changeTable(ctx, t.Name, []byte(`{"authorized":true}`), func() []string { return t.Paths })
}

// InsertLookupPath adds a path to a lookup table.
func (d *Directory) InsertLookupPath(ctx context.Context, table, path string) error {
	return d.UpsertLookupTable(ctx, security.LookupTable{Name: table, Paths: []string{path}})
}

// RemoveLookupPath removes a path from a lookup table.
func (d *Directory) RemoveLookupPath(ctx context.Context, table, path string) error {
	return d.changeTable(ctx, table, nil, func() []string { return []string{path} })
}

// DeleteLookupTable removes all paths of a lookup table.
func (d *Directory) DeleteLookupTable(ctx context.Context, name string) error {
	return d.changeTable(ctx, name, nil, func() []string { return d.LookupTable(name).Paths })
}

// changeTable writes the paths of a table, or with nil data removes them.
func (d *Directory) changeTable(ctx context.Context, name string, data []byte, paths func() []string) error {
	if err := checkTableName(name); err != nil {
		return err
	}
	return d.change(func() error {
		var steps []step
		for _, path := range paths() {
			path = strings.TrimPrefix(path, "/")
			if data != nil && (path == "" || strings.Contains(path, "*")) {
				return invalid("path %q cannot be in lookup table %s: name one path, without a *", path, name)
			}
			steps = append(steps, step{path: tablePath(name, path), data: data})
		}
		_, err := d.commit(ctx, steps...)
		groups := d.groupsOfTable(name)
		listed, _ := json.Marshal(groups) // a list of texts always can be
		change := appendText(appendMember([]byte("{"), "groups", listed), "table", name)
		d.tell(security.Change{What: security.LookupTableChanged, Data: append(change, '}'),
			Users: d.usersOfGroups(groups), Reauthorize: true})
		return err
	})
}

func checkTableName(name string) error {
	if name == "" || strings.ContainsAny(name, "/*") {
		return invalid("invalid lookup table name: %q: it must not be empty, nor have a / or * in it", name)
	}
	return nil
}

func (d *Directory) groupsOfTable(table string) []string {
	d.mu.RLock()
	defer d.mu.RUnlock()
	groups := []string{}
	for _, group := range sortedKeys(d.state.lookups) {
		if d.state.lookups[group][table] != nil {
			groups = append(groups, group)
		}
	}
	return groups
}

func (d *Directory) usersOfGroups(groups []string) []string {
	all := map[string]struct{}{}
	for _, group := range groups {
		for _, user := range d.UserNamesOf(group) {
			all[user] = struct{}{}
		}
	}
	return sortedKeys(all)
}

// LookupPermissions returns the lookup permissions of a group, by table.
func (d *Directory) LookupPermissions(group string) []security.LookupPermission {
	d.mu.RLock()
	defer d.mu.RUnlock()
	all := []security.LookupPermission{}
	for _, table := range sortedKeys(d.state.lookups[group]) {
		all = append(all, d.state.lookups[group][table].all...)
	}
	return all
}

// UpsertLookupPermission gives a group a lookup permission. One that it has
// already changes nothing.
func (d *Directory) UpsertLookupPermission(ctx context.Context, group string, p security.LookupPermission) error {
	if _, err := permit.CompileLookup(p, nil); err != nil {
		return invalid("%v", err)
	}
	if _, err := security.ParseActions(p.Actions); err != nil {
		return invalid("%v", err)
	}
	return d.changeLookups(ctx, group, p.Table, func(all []security.LookupPermission) []security.LookupPermission {
		if slices.ContainsFunc(all, equal(p)) {
			return all
		}
		return append(all, p)
	})
}

// RemoveLookupPermission takes a lookup permission from a group.
func (d *Directory) RemoveLookupPermission(ctx context.Context, group string, p security.LookupPermission) error {
	return d.changeLookups(ctx, group, p.Table, func(all []security.LookupPermission) []security.LookupPermission {
		return slices.DeleteFunc(all, equal(p))
	})
}

// RemoveTablePermissions takes all lookup permissions on a table from a group.
func (d *Directory) RemoveTablePermissions(ctx context.Context, group, table string) error {
	return d.changeLookups(ctx, group, table, func([]security.LookupPermission) []security.LookupPermission { return nil })
}

func equal(p security.LookupPermission) func(security.LookupPermission) bool {
	return func(other security.LookupPermission) bool { return reflect.DeepEqual(p, other) }
}

// changeLookups changes the lookup permissions of a group on a table.
func (d *Directory) changeLookups(ctx context.Context, group, table string,
	changed func([]security.LookupPermission) []security.LookupPermission) error {
	if err := checkTableName(table); err != nil {
		return err
	}
	if group != security.Admin {
		if err := checkGroupName(group); err != nil {
			return err
		}
	}
	return d.change(func() error {
		before := d.lookupsOf(group, table)
		after := changed(slices.Clone(before))
		if len(after) == len(before) {
			return nil
		}
		_, err := d.commit(ctx, d.lookupSteps(group, table, after)...)
		data := append(appendText(appendText([]byte("{"), "group", group), "table", table), '}')
		d.tell(security.Change{What: security.LookupPermissionChanged, Data: data, Users: d.UserNamesOf(group), Reauthorize: true})
		return err
	})
}

func (d *Directory) lookupsOf(group, table string) []security.LookupPermission {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if found := d.state.lookups[group][table]; found != nil {
		return found.all
	}
	return nil
}

// lookupSteps store the permissions of a group on a table. The mark for happn-3
// may be where another group's permissions are, and must leave these alone.
func (d *Directory) lookupSteps(group, table string, all []security.LookupPermission) []step {
	marks := d.lookupsOf(table, group) == nil && group != table
	if len(all) == 0 {
		steps := []step{{path: lookupsPath(group, table)}}
		if marks {
			steps = append(steps, step{path: lookupsPath(table, group)})
		}
		return steps
	}
	listed, _ := json.Marshal(all) // lists of texts always can be
	steps := []step{{path: lookupsPath(group, table), data: append(appendMember([]byte("{"), "permissions", listed), '}')}}
	if marks {
		steps = append(steps, step{path: lookupsPath(table, group), data: []byte("{}")})
	}
	return steps
}

// lookupRemovals are the steps that remove all lookup permissions of a group.
func (d *Directory) lookupRemovals(group string) []step {
	d.mu.RLock()
	tables := sortedKeys(d.state.lookups[group])
	d.mu.RUnlock()
	var steps []step
	for _, table := range tables {
		steps = append(steps, d.lookupSteps(group, table, nil)...)
	}
	return steps
}

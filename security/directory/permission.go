package directory

import (
	"context"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/internal/rawjson"
	"github.com/happn-host/happn-host/security"
)

// Permissions returns the stored permissions of an owner, sorted by the paths of
// their documents. An owner that is unknown has none.
func (d *Directory) Permissions(o Owner) []security.Granted {
	o = d.owner(o)
	d.mu.RLock()
	defer d.mu.RUnlock()
	grants := d.state.grants[o]
	all := make([]security.Granted, 0, len(grants))
	for _, path := range sortedKeys(grants) {
		all = append(all, grants[path].Granted)
	}
	return all
}

func (d *Directory) owner(o Owner) Owner {
	if !o.Group {
		o.Name = d.options.username(o.Name)
	}
	return o
}

// UpsertPermission allows an action on a path, or prohibits it. An owner that is
// not there yet loses it again when it is made. It returns the stored document.
func (d *Directory) UpsertPermission(ctx context.Context, o Owner, path, action string, authorized bool) (doc *datastore.Document, err error) {
	o = d.owner(o)
	if action == "" {
		action = "*"
	}
	if err := d.checkOwner(o); err != nil {
		return nil, err
	}
	if err := checkPermissionPath(path); err != nil {
		return nil, err
	}
	if _, ok := security.ParseAction(action); !ok {
		return nil, invalid("%s permissions invalid: unknown action: %s for path: %s", o.kind(), action, path)
	}
	err = d.change(func() error {
		done, err := d.commit(ctx, grantStep(o, path, action, authorized))
		if err != nil {
			return err
		}
		doc = done[0].Doc
		d.tell(d.permissionChange(o, path, action, &authorized))
		return nil
	})
	return doc, err
}

func (d *Directory) checkOwner(o Owner) error {
	if o.Name == "" {
		return invalid("please supply a %sName", o.kind())
	}
	if o.Group && o.Name != security.Admin {
		return checkGroupName(o.Name)
	}
	return nil
}

func grantStep(o Owner, path, action string, authorized bool) step {
	data := appendText([]byte("{"), "action", action)
	data = appendMember(data, "authorized", boolean(authorized))
	return step{path: o.grantPath(action, path), data: append(appendText(data, "path", path), '}')}
}

func boolean(b bool) []byte {
	if b {
		return []byte("true")
	}
	return []byte("false")
}

// RemovePermission takes an action back that was allowed on exactly this
// permission path; `*` takes back all of them. It returns how many permissions
// are gone.
func (d *Directory) RemovePermission(ctx context.Context, o Owner, path, action string) (removed int, err error) {
	o = d.owner(o)
	if o.Name == "" {
		return 0, invalid("please supply a %sName", o.kind())
	}
	if path == "" {
		path = "*"
	}
	if action == "" {
		action = "*"
	}
	err = d.change(func() error {
		done, err := d.commit(ctx, d.removals(o, path, action, true)...)
		for _, one := range done {
			removed += one.Removed
		}
		if removed > 0 {
			d.tell(d.permissionChange(o, path, action, nil))
		}
		return err
	})
	return removed, err
}

// removals are the steps that take back an action, or with `*` all of them. The
// caller holds changing.
func (d *Directory) removals(o Owner, path, action string, authorized bool) []step {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var steps []step
	for _, at := range sortedKeys(d.state.grants[o]) {
		g := d.state.grants[o][at]
		if g.Path == path && g.Authorized == authorized && (action == "*" || g.Action == action) {
			steps = append(steps, step{path: at})
		}
	}
	return steps
}

// editSteps are the steps that carry out what an upsert says about permissions.
func (d *Directory) editSteps(o Owner, edits []edit) []step {
	var steps []step
	for _, e := range edits {
		for _, action := range e.actions {
			if e.remove {
				steps = append(steps, d.removals(o, e.path, action, true)...)
			} else {
				steps = append(steps, grantStep(o, e.path, action, true))
			}
		}
		for _, action := range e.prohibit {
			if e.remove {
				steps = append(steps, d.removals(o, e.path, action, false)...)
			} else {
				steps = append(steps, grantStep(o, e.path, action, false))
			}
		}
	}
	return steps
}

// leftovers are the steps that remove all permissions of an owner.
func (d *Directory) leftovers(o Owner) []step {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var steps []step
	for _, path := range sortedKeys(d.state.grants[o]) {
		steps = append(steps, step{path: path})
	}
	return steps
}

// permissionChange describes a permission that was upserted, or removed if
// authorized is nil.
func (d *Directory) permissionChange(o Owner, path, action string, authorized *bool) security.Change {
	c := security.Change{What: security.PermissionRemoved, Users: []string{o.Name}, Reauthorize: true}
	member := "username"
	if o.Group {
		member, c.Users = "groupName", d.usersOf(o.Name)
	}
	data := appendText([]byte("{"), member, o.Name)
	data = appendText(appendText(data, "path", path), "action", action)
	if authorized != nil {
		c.What = security.PermissionUpserted
		data = appendMember(data, "authorized", boolean(*authorized))
	}
	c.Data = append(data, '}')
	return c
}

// UpsertPermissions carries out what raw says about permissions: an object of
// {"actions":[..],"prohibit":[..]} by permission path, with "remove":true to take
// these back.
func (d *Directory) UpsertPermissions(ctx context.Context, o Owner, raw []byte) error {
	o = d.owner(o)
	if err := d.checkOwner(o); err != nil {
		return err
	}
	raw, err := object(raw, "permissions")
	if err != nil {
		return err
	}
	edits, err := parseEdits(o, raw)
	if err != nil {
		return err
	}
	return d.change(func() error {
		done, err := d.commit(ctx, d.editSteps(o, edits)...)
		if len(done) > 0 {
			what, member, users := security.UpsertUser, "username", []string{o.Name}
			if o.Group {
				what, member, users = security.UpsertGroup, "name", d.usersOf(o.Name)
			}
			data := appendMember(appendText([]byte("{"), member, o.Name), "permissions", raw)
			d.tell(security.Change{What: what, Data: append(data, '}'), Users: users, Reauthorize: true})
		}
		return err
	})
}

// usersOf returns the users in a group, by its path or by the name that its
// permissions are stored by, sorted.
func (d *Directory) usersOf(name string) []string {
	d.mu.RLock()
	defer d.mu.RUnlock()
	all := map[string]struct{}{}
	for key, g := range d.state.groups {
		if key == name || g.name == name {
			for user := range d.state.members[key] {
				all[user] = struct{}{}
			}
		}
	}
	return sortedKeys(all)
}

// meta is the _meta member of a document.
func meta(doc *datastore.Document) []byte {
	out := appendText([]byte("{"), "path", doc.Path)
	out = appendMember(out, "created", number(doc.Created))
	return append(appendMember(out, "modified", number(doc.Modified)), '}')
}

// withMeta returns the object of a document with its _meta.
func withMeta(doc *datastore.Document) []byte {
	return append(appendMember(open(doc.Data), "_meta", meta(doc)), '}')
}

// open returns a copy of an object without its end.
func open(object []byte) []byte {
	data := without(object)
	return data[:len(data)-1]
}

// removedResult is what happn-3 answers to a removal.
func removedResult(n int, path string, now int64) []byte {
	out := []byte(`{"data":{"removed":`)
	out = append(append(out, number(int64(n))...), `},"_meta":{"timestamp":`...)
	out = append(append(out, number(now)...), `,"path":`...)
	return append(rawjson.AppendString(out, path), "}}"...)
}

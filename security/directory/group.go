package directory

import (
	"context"
	"strings"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/internal/rawjson"
	"github.com/happn-host/happn-host/security"
)

// UpsertGroup makes or changes a group. raw is an object with at least "name";
// it is stored without "permissions", which are added to those that the group
// has (see UpsertPermissions). parent is the path of a group above it, "" for
// none. Without overwrite a group that is there is an error.
func (d *Directory) UpsertGroup(ctx context.Context, raw []byte, parent string, overwrite bool) (*security.Group, error) {
	raw, err := object(raw, "group")
	if err != nil {
		return nil, err
	}
	name := text(raw, "name")
	if err := checkGroupName(name); err != nil {
		return nil, err
	}
	key := name
	if parent != "" {
		key = parent + "/" + name
	}
	return d.upsertGroup(ctx, key, raw, func() error {
		if _, ok := d.Group(parent); parent != "" && !ok {
			return invalid("validation error: parent group does not exist: %s", groupPath+parent)
		}
		if _, there := d.Group(key); there && !overwrite {
			return invalid("validation failure: group by the name %s already exists", name)
		}
		return nil
	})
}

func (d *Directory) upsertGroup(ctx context.Context, key string, raw []byte, check func() error) (stored *security.Group, err error) {
	o := GroupOf(text(raw, "name"))
	permissions, _ := rawjson.Lookup(raw, "permissions")
	edits, err := parseEdits(o, permissions)
	if err != nil {
		return nil, err
	}
	err = d.change(func() error {
		if err := check(); err != nil {
			return err
		}
		var steps []step
		if _, there := d.Group(key); !there && !d.sharesName(key, o.Name) {
			steps = append(d.leftovers(o), d.memberRemovals(key)...)
		}
		steps = append(steps, d.editSteps(o, edits)...)
		done, err := d.commit(ctx, append(steps, step{path: groupPath + key, data: without(raw, "permissions", "_meta")})...)
		if last := done[len(done)-1]; last.Err == nil {
			stored, _ = d.Group(key)
			d.tell(d.groupChange(key, last.Doc, permissions))
		}
		return err
	})
	return stored, err
}

// sharesName reports whether another group has its permissions under this name:
// groups of one name below different parents share them.
func (d *Directory) sharesName(key, name string) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for other, g := range d.state.groups {
		if other != key && g.name == name {
			return true
		}
	}
	return false
}

// groupChange describes a group that was upserted. Clients need permissions to
// be there.
func (d *Directory) groupChange(key string, doc *datastore.Document, permissions []byte) security.Change {
	if !rawjson.IsObject(permissions) {
		permissions = []byte("{}")
	}
	data := open(withMeta(doc))
	return security.Change{What: security.UpsertGroup, Data: append(appendMember(data, "permissions", permissions), '}'),
		Users: d.UserNamesOf(key), Reauthorize: len(without(permissions)) > len("{}")}
}

// memberRemovals are the steps that take all users out of a group.
func (d *Directory) memberRemovals(key string) []step {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var steps []step
	for _, user := range sortedKeys(d.state.members[key]) {
		steps = append(steps, step{path: linkPath(user, key)})
	}
	return steps
}

// Group returns a group by its name, or by its path if it is below another one.
func (d *Directory) Group(name string) (*security.Group, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	g := d.state.groups[name]
	if g == nil {
		return nil, false
	}
	return d.state.group(name, g), true
}

func (s *state) group(key string, g *group) *security.Group {
	parent := ""
	if at := strings.LastIndexByte(key, '/'); at >= 0 {
		parent = key[:at]
	}
	return &security.Group{Name: g.name, Parent: parent, Data: g.doc.Data, Permissions: s.permissions(GroupOf(g.name))}
}

// DeleteGroup deletes a group, its links and permissions.
func (d *Directory) DeleteGroup(ctx context.Context, name string) (Deletion, error) {
	var out Deletion
	if name == security.Admin {
		return out, invalid("unable to delete a group with the reserved name: %s", name)
	}
	err := d.change(func() error {
		g, ok := d.Group(name)
		if !ok {
			return invalid("group you are deleting does not exist")
		}
		o, users := GroupOf(g.Name), d.UserNamesOf(name)
		links := d.memberRemovals(name)
		var grants []step
		if !d.sharesName(name, g.Name) {
			grants = d.leftovers(o)
		}
		steps := append(append([]step{{path: groupPath + name}}, links...), grants...)
		done, err := d.commit(ctx, append(steps, d.lookupRemovals(name)...)...)
		out = counted(done, len(links), len(grants))
		out.Data = d.deletedGroup(g, name, out)
		if done[0].Err == nil {
			d.tell(security.Change{What: security.DeleteGroup, Data: out.Data, Users: users, Reauthorize: true})
		}
		return err
	})
	return out, err
}

func (d *Directory) deletedGroup(g *security.Group, key string, out Deletion) []byte {
	now := d.options.Now().UnixMilli()
	data := appendMember([]byte("{"), "removed", number(int64(out.Removed)))
	data = appendMember(data, "obj", g.AppendJSON(nil))
	data = appendMember(data, "links", removedResult(out.Links, linkPath("*", key), now))
	data = appendMember(data, "permissions", removedResult(out.Permissions, GroupOf(g.Name).prefix()+"/*", now))
	return append(data, '}')
}

// LinkGroup puts a user into a group. data is an object to keep with the link,
// nil for none. It returns the stored document.
func (d *Directory) LinkGroup(ctx context.Context, group, user string, data []byte) (doc *datastore.Document, err error) {
	user = d.options.username(user)
	if data == nil {
		data = []byte("{}")
	}
	if data, err = object(data, "link"); err != nil {
		return nil, err
	}
	err = d.change(func() error {
		if err := d.checkLink(group, user); err != nil {
			return err
		}
		done, err := d.commit(ctx, step{path: linkPath(user, group), data: without(data, "_meta")})
		if err != nil {
			return err
		}
		doc = done[0].Doc
		d.tell(security.Change{What: security.LinkGroup, Data: withMeta(doc), Users: []string{user}, Reauthorize: true})
		return nil
	})
	return doc, err
}

func (d *Directory) checkLink(group, user string) error {
	if _, ok := d.Group(group); !ok {
		return invalid("validation error: group does not exist or has not been saved")
	}
	if _, ok := d.Account(user); !ok {
		return invalid("validation error: user does not exist or has not been saved")
	}
	return nil
}

// UnlinkGroup takes a user out of a group, and returns how many links are gone.
func (d *Directory) UnlinkGroup(ctx context.Context, group, user string) (removed int, err error) {
	user = d.options.username(user)
	err = d.change(func() error {
		if err := d.checkLink(group, user); err != nil {
			return err
		}
		done, err := d.commit(ctx, step{path: linkPath(user, group)})
		if err != nil {
			return err
		}
		removed = done[0].Removed
		d.tell(d.unlinkChange(group, user))
		return nil
	})
	return removed, err
}

func (d *Directory) unlinkChange(group, user string) security.Change {
	data := appendText([]byte("{"), "path", linkPath(user, group))
	permissions := []byte("{}")
	if g, ok := d.Group(group); ok {
		permissions = g.Permissions.AppendJSON(nil)
	}
	return security.Change{What: security.UnlinkGroup, Users: []string{user}, Reauthorize: true,
		Data: append(appendMember(data, "permissions", permissions), '}')}
}

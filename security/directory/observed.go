package directory

import (
	"strings"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/security"
)

// changesOf describes what it means that the document at a path is now another
// one, nil for none. before are the data that were there. The state is still the
// one before; whom it concerns is filled in later.
func (d *Directory) changesOf(path string, doc *datastore.Document, before []byte) []security.Change {
	switch {
	case strings.HasPrefix(path, groupPath):
		return d.groupChanges(path[len(groupPath):], doc)
	case isUser(path):
		return d.userChanges(path, doc, before)
	case strings.HasPrefix(path, userPath):
		user, group, _ := strings.Cut(path[len(userPath):], linkSegment)
		if doc == nil {
			return []security.Change{d.unlinkChange(group, user)}
		}
		return []security.Change{{What: security.LinkGroup, Data: withMeta(doc)}}
	case strings.HasPrefix(path, permissionPath+lookupPrefix):
		return []security.Change{{What: security.LookupPermissionChanged, Data: []byte("{}")}}
	case strings.HasPrefix(path, permissionPath):
		return d.grantChanges(path, doc)
	case strings.HasPrefix(path, lookupPath):
		return []security.Change{{What: security.LookupTableChanged, Data: []byte("{}")}}
	}
	return nil
}

func (d *Directory) groupChanges(key string, doc *datastore.Document) []security.Change {
	if doc != nil {
		return []security.Change{d.groupChange(key, doc, nil)}
	}
	g, ok := d.Group(key)
	if !ok {
		return nil
	}
	return []security.Change{{What: security.DeleteGroup, Data: d.deletedGroup(g, key, Deletion{Removed: 1})}}
}

func (d *Directory) userChanges(path string, doc *datastore.Document, before []byte) []security.Change {
	var all []security.Change
	name := path[len(userPath):]
	if before != nil && (doc == nil || text(before, "userid") != text(doc.Data, "userid")) {
		now := d.options.Now().UnixMilli()
		data := appendMember([]byte("{"), "obj", removedResult(1, path, now))
		data = appendMember(data, "tree", removedResult(0, path+"/*", now))
		all = append(all, security.Change{What: security.DeleteUser, Data: append(data, '}'), Deleted: true})
	}
	if doc != nil {
		all = append(all, userChange(&security.User{Name: name, Data: shown(doc).Data}, nil))
	}
	return all
}

func (d *Directory) grantChanges(path string, doc *datastore.Document) []security.Change {
	if doc != nil {
		o, g, ok := grantAt(path, doc)
		if !ok {
			return nil
		}
		return []security.Change{d.permissionChange(o, g.Path, g.Action, &g.Authorized)}
	}
	d.mu.RLock()
	o := d.state.granted[path]
	g := d.state.grants[o][path]
	d.mu.RUnlock()
	if g == nil {
		return nil
	}
	return []security.Change{d.permissionChange(o, g.Path, g.Action, nil)}
}

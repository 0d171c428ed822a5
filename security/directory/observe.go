package directory

import (
	"bytes"
	"context"
	"strings"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/security"
)

// Observe is told that a document was written or removed by somebody else: a
// client that may, or another host with the same store. It reads the document at
// the path anew, or everything if the path is a pattern, and tells of what has
// changed; what the directory wrote itself changes nothing. It waits for the
// store and for the hearers. Paths that are not the directory's are ignored.
func (d *Directory) Observe(ctx context.Context, path string) error {
	if !strings.HasPrefix(path, rootPath) {
		if literal, _, wild := strings.Cut(path, "*"); !wild || !strings.HasPrefix(rootPath, literal) {
			return nil
		}
		return d.Reload(ctx)
	}
	if d.volatile(path) {
		return nil
	}
	if strings.Contains(path, "*") && !strings.HasPrefix(path, permissionPath) {
		return d.Reload(ctx)
	}
	// The document of a permission may have the action `*` in its path.
	return d.change(func() error {
		doc, err := d.store.Get(ctx, []byte(path))
		if err != nil {
			return err
		}
		if doc == nil && strings.Contains(path, "*") {
			return d.reload(ctx)
		}
		d.observed(path, doc)
		return nil
	})
}

// Reload reads everything anew.
func (d *Directory) Reload(ctx context.Context) error {
	return d.change(func() error { return d.reload(ctx) })
}

func (d *Directory) reload(ctx context.Context) error {
	gone := map[string]struct{}{}
	d.mu.RLock()
	before := d.state.users
	d.mu.RUnlock()
	if err := d.load(ctx); err != nil {
		return err
	}
	for name, u := range before {
		if u.account != nil && u.account.Deleted() {
			gone[name] = struct{}{}
		}
	}
	if len(gone) > 0 {
		d.tell(security.Change{What: security.DeleteUser, Data: []byte("{}"), Users: sortedKeys(gone), Deleted: true})
	}
	d.tell(security.Change{What: security.UpsertUser, Data: []byte(`{"permissions":{}}`), All: true, Reauthorize: true})
	return nil
}

// documentAt returns the data of a document as the directory has it.
func (d *Directory) documentAt(path string) (data []byte, known bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	doc := d.state.documentAt(path)
	if doc == nil {
		return nil, false
	}
	return doc.Data, true
}

func (s *state) documentAt(path string) *datastore.Document {
	if o, ok := s.granted[path]; ok {
		return s.grants[o][path].doc
	}
	if at, ok := s.looked[path]; ok {
		return s.lookups[at.group][at.table].doc
	}
	if key, ok := strings.CutPrefix(path, groupPath); ok {
		if g := s.groups[key]; g != nil {
			return g.doc
		}
		return nil
	}
	rest, _ := strings.CutPrefix(path, userPath)
	if user, group, isLink := strings.Cut(rest, linkSegment); isLink {
		if l := s.links[user][group]; l != nil {
			return l.doc
		}
	} else if u := s.users[rest]; u != nil {
		return u.doc
	}
	return nil
}

// observed takes in a document that somebody else has changed.
func (d *Directory) observed(path string, doc *datastore.Document) {
	before, known := d.documentAt(path)
	lookup := strings.HasPrefix(path, lookupPath) || strings.HasPrefix(path, permissionPath+lookupPrefix)
	if doc == nil && !known && !lookup {
		return
	}
	if doc != nil && known && bytes.Equal(before, d.visible(path, doc)) && d.sameHash(path, doc) {
		return
	}
	changes := d.changesOf(path, doc, before)
	touched := newDirty()
	d.mu.Lock()
	d.state.apply(path, doc, touched)
	d.refresh(touched)
	d.mu.Unlock()
	users := touched.all()
	if len(users) == 0 {
		return
	}
	for _, c := range changes {
		c.Users, c.Reauthorize = users, true
		d.tell(c)
	}
}

// visible returns the data of a document as documentAt does.
func (d *Directory) visible(path string, doc *datastore.Document) []byte {
	if isUser(path) {
		return shown(doc).Data
	}
	return doc.Data
}

func isUser(path string) bool {
	return strings.HasPrefix(path, userPath) && !strings.Contains(path, linkSegment)
}

// sameHash reports whether the document of a user has the password that the
// directory knows.
func (d *Directory) sameHash(path string, doc *datastore.Document) bool {
	if !isUser(path) {
		return true
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	u := d.state.users[path[len(userPath):]]
	return u != nil && u.hash == text(doc.Data, "password")
}

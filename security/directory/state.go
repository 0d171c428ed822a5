package directory

import (
	"maps"
	"strings"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/internal/rawjson"
	"github.com/happn-host/happn-host/security"
	"github.com/happn-host/happn-host/security/permit"
)

// state is what the documents say.
type state struct {
	users   map[string]*user
	groups  map[string]*group              // by path below groupPath: "A", "A/B"
	grants  map[Owner]map[string]*grant    // by path of the document
	granted map[string]Owner               // whose the document of a permission is
	links   map[string]map[string]*link    // by user and group
	members map[string]map[string]struct{} // users by group
	tables  map[string]*permit.Table
	lookups map[string]map[string]*lookups // by group and table
	looked  map[string]lookupKey           // by path of the document
	shared  map[string]*permit.Rules       // of users without permissions of their own, by groups
}

type user struct {
	doc     *datastore.Document // without the password
	hash    string
	account *Account // nil until the first refresh
}

type group struct {
	doc   *datastore.Document
	name  string // which its permissions are stored by
	rules *permit.Rules
}

type link struct{ doc *datastore.Document }

type grant struct {
	doc *datastore.Document
	security.Granted
}

type lookups struct {
	doc *datastore.Document
	all []security.LookupPermission
}

func newState() *state {
	return &state{
		users: map[string]*user{}, groups: map[string]*group{}, grants: map[Owner]map[string]*grant{},
		granted: map[string]Owner{}, links: map[string]map[string]*link{}, members: map[string]map[string]struct{}{},
		tables: map[string]*permit.Table{}, lookups: map[string]map[string]*lookups{}, looked: map[string]lookupKey{}, shared: map[string]*permit.Rules{},
	}
}

// dirty are those whose rights or record may have changed.
type dirty struct {
	users   map[string]struct{}
	groups  map[string]struct{} // by path or by name
	members map[string]struct{} // users of the groups; refresh adds them
	tables  map[string]struct{}
}

func newDirty() *dirty {
	return &dirty{map[string]struct{}{}, map[string]struct{}{}, map[string]struct{}{}, map[string]struct{}{}}
}

// all returns the users whom it comes down to after a refresh, sorted.
func (d *dirty) all() []string {
	maps.Copy(d.members, d.users)
	return sortedKeys(d.members)
}

func (d *dirty) owner(o Owner) {
	if o.Group {
		d.groups[o.Name] = struct{}{}
	} else {
		d.users[o.Name] = struct{}{}
	}
}

// apply takes in the document at a path, nil if there is none any more. What is
// of no meaning for the directory is ignored.
func (s *state) apply(path string, doc *datastore.Document, d *dirty) {
	switch rest := strings.TrimPrefix(path, rootPath); {
	case strings.HasPrefix(path, userPath):
		name := path[len(userPath):]
		if owner, group, ok := strings.Cut(name, linkSegment); ok {
			s.applyLink(owner, group, doc, d)
		} else if name != "" {
			s.applyUser(name, doc, d)
		}
	case strings.HasPrefix(path, groupPath):
		s.applyGroup(path[len(groupPath):], doc, d)
	case strings.HasPrefix(rest, "_PERMISSIONS/"+lookupPrefix):
		s.applyLookups(path, doc, d)
	case strings.HasPrefix(path, permissionPath):
		s.applyGrant(path, doc, d)
	case strings.HasPrefix(path, lookupPath):
		s.applyTable(path[len(lookupPath):], doc, d)
	}
}

func (s *state) applyUser(name string, doc *datastore.Document, d *dirty) {
	d.users[name] = struct{}{}
	if doc == nil {
		if u := s.users[name]; u != nil && u.account != nil {
			u.account.end()
		}
		delete(s.users, name)
		return
	}
	u := &user{doc: shown(doc), hash: text(doc.Data, "password")}
	if before := s.users[name]; before != nil && before.account != nil {
		if text(before.doc.Data, "userid") == text(doc.Data, "userid") {
			u.account = before.account
		} else {
			before.account.end()
		}
	}
	s.users[name] = u
}

// shown returns the document of a user without its password.
func shown(doc *datastore.Document) *datastore.Document {
	out := *doc
	out.Data = without(doc.Data, "password")
	return &out
}

func (s *state) applyGroup(key string, doc *datastore.Document, d *dirty) {
	d.groups[key] = struct{}{}
	if doc == nil {
		delete(s.groups, key)
		return
	}
	g := &group{doc: doc, name: text(doc.Data, "name")}
	if g.name == "" {
		g.name = key[strings.LastIndexByte(key, '/')+1:]
	}
	s.groups[key] = g
}

func (s *state) applyLink(name, group string, doc *datastore.Document, d *dirty) {
	d.users[name] = struct{}{}
	if doc == nil {
		drop(s.links, name, group)
		drop(s.members, group, name)
		return
	}
	put(s.links, name, group, &link{doc})
	put(s.members, group, name, struct{}{})
}

func (s *state) applyGrant(path string, doc *datastore.Document, d *dirty) {
	if before, ok := s.granted[path]; ok {
		d.owner(before)
		drop(s.grants, before, path)
		delete(s.granted, path)
	}
	if doc == nil {
		return
	}
	if o, g, ok := grantAt(path, doc); ok {
		d.owner(o)
		put(s.grants, o, path, &grant{doc, g})
		s.granted[path] = o
	}
}

// applyTable takes in a path of a lookup table: rest is the table, a slash and
// the path.
func (s *state) applyTable(rest string, doc *datastore.Document, d *dirty) {
	name, path, ok := strings.Cut(rest, "/")
	if !ok {
		return
	}
	d.tables[name] = struct{}{}
	listed := false
	if doc != nil {
		authorized, _ := rawjson.Lookup(doc.Data, "authorized")
		listed = string(authorized) == "true"
	}
	if listed {
		s.table(name).Put(path)
	} else {
		s.table(name).Delete(path)
	}
}

// table returns a lookup table, made if it is missing.
func (s *state) table(name string) *permit.Table {
	if s.tables[name] == nil {
		s.tables[name] = &permit.Table{}
	}
	return s.tables[name]
}

// put sets a member of an inner map, which is made if it is missing.
func put[A, B comparable, V any](m map[A]map[B]V, a A, b B, v V) {
	if m[a] == nil {
		m[a] = map[B]V{}
	}
	m[a][b] = v
}

// drop deletes a member of an inner map, and that map when it is empty.
func drop[A, B comparable, V any](m map[A]map[B]V, a A, b B) {
	if delete(m[a], b); len(m[a]) == 0 {
		delete(m, a)
	}
}

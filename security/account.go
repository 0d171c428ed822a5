package security

import (
	"maps"
	"slices"

	"github.com/happn-host/happn-host/internal/rawjson"
)

// The accounts and groups that have a meaning of their own.
const (
	Admin        = "_ADMIN"         // the user and the group that may do everything
	Anonymous    = "_ANONYMOUS"     // the user of logins without a name
	MeshDelegate = "_MESH_DELEGATE" // the group that may act on behalf of others
)

// User is an account as it was at one moment. Nobody changes it.
type User struct {
	Name      string
	ID        string // changes when a user is deleted and made again
	PublicKey string
	AuthType  string
	// Data are the members of the stored document, as raw JSON, without the
	// password.
	Data        []byte
	Permissions Permissions       // its own, without those of its groups
	Groups      map[string][]byte // data of the links by group, raw JSON
}

// AppendJSON appends the user as happn-3 shows it: the stored members without
// the password, the permissions, and with groups also the groups that it is in.
func (u *User) AppendJSON(dst []byte, groups bool) []byte {
	dst = appendOpen(dst, u.Data)
	dst = append(dst, `"permissions":`...)
	dst = u.Permissions.AppendJSON(dst)
	if groups {
		dst = u.AppendGroups(append(dst, `,"groups":`...))
	}
	return append(dst, '}')
}

// AppendGroups appends the groups of the user, each with the data of its link, as
// happn-3 shows them.
func (u *User) AppendGroups(dst []byte) []byte {
	dst = append(dst, '{')
	for i, name := range slices.Sorted(maps.Keys(u.Groups)) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = rawjson.AppendString(dst, name)
		dst = append(dst, `:{"data":`...)
		dst = append(append(dst, u.Groups[name]...), '}')
	}
	return append(dst, '}')
}

// Group is a group as it was at one moment. Nobody changes it.
type Group struct {
	Name        string
	Parent      string // the path of groups above it, "" for none
	Data        []byte // the stored document, raw JSON
	Permissions Permissions
}

// AppendJSON appends the group as happn-3 shows it.
func (g *Group) AppendJSON(dst []byte) []byte {
	dst = appendOpen(dst, g.Data)
	dst = append(dst, `"permissions":`...)
	return append(g.Permissions.AppendJSON(dst), '}')
}

// appendOpen appends an object without its end, ready for another member.
func appendOpen(dst, object []byte) []byte {
	dst = append(dst, '{')
	for name, value := range rawjson.Members(object) {
		if string(name) == "permissions" || string(name) == "groups" {
			continue
		}
		dst = append(rawjson.AppendString(dst, string(name)), ':')
		dst = append(append(dst, value...), ',')
	}
	return dst
}

// AppendJSON appends the permissions as an object, sorted by path.
func (p Permissions) AppendJSON(dst []byte) []byte {
	dst = append(dst, '{')
	for i, path := range slices.Sorted(maps.Keys(p)) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(rawjson.AppendString(dst, path), ':', '{')
		dst = appendActions(dst, `"actions":`, p[path].Allow)
		if p[path].Allow != 0 && p[path].Prohibit != 0 {
			dst = append(dst, ',')
		}
		dst = append(appendActions(dst, `"prohibit":`, p[path].Prohibit), '}')
	}
	return append(dst, '}')
}

func appendActions(dst []byte, member string, a Actions) []byte {
	if a == 0 {
		return dst
	}
	dst = append(append(dst, member...), '[')
	for i, name := range a.Names() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = rawjson.AppendString(dst, name)
	}
	return append(dst, ']')
}

package directory

import (
	"strings"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/internal/rawjson"
	"github.com/happn-host/happn-host/security"
)

// Where documents are (happn-wire.md, 8.1).
const (
	rootPath       = "/_SYSTEM/_SECURITY/"
	userPath       = rootPath + "_USER/"
	groupPath      = rootPath + "_GROUP/"
	permissionPath = rootPath + "_PERMISSIONS/"
	lookupPath     = rootPath + "_LOOKUP/"

	linkSegment    = "/_USER_GROUP/"
	userPrefix     = "_USER/"   // below permissionPath
	lookupPrefix   = "_LOOKUP/" // below permissionPath
	wildcardEscape = "{{w}}"    // stands for `*` in the path of a permission's document
)

func linkPath(user, group string) string { return userPath + user + linkSegment + group }

func tablePath(table, path string) string { return lookupPath + table + "/" + path }

// Owner is who has permissions: a user or a group.
type Owner struct {
	Name  string
	Group bool
}

// UserOf names a user as an owner.
func UserOf(name string) Owner { return Owner{Name: name} }

// GroupOf names a group as an owner.
func GroupOf(name string) Owner { return Owner{Name: name, Group: true} }

// kind is how happn-3 calls an owner in errors.
func (o Owner) kind() string {
	if o.Group {
		return "group"
	}
	return "user"
}

func (o Owner) prefix() string {
	if o.Group {
		return permissionPath + o.Name
	}
	return permissionPath + userPrefix + o.Name
}

// grantPath is where a permission of the owner is stored.
func (o Owner) grantPath(action, path string) string {
	return o.prefix() + grantSuffix(action, path)
}

func grantSuffix(action, path string) string {
	return "/" + action + "/" + strings.ReplaceAll(path, "*", wildcardEscape)
}

// grantAt reads the document of a permission. Names of users may contain any
// text, so only what the document says tells where the owner's name ends.
func grantAt(path string, doc *datastore.Document) (o Owner, g security.Granted, ok bool) {
	g = security.Granted{Action: text(doc.Data, "action"), Path: text(doc.Data, "path")}
	authorized, _ := rawjson.Lookup(doc.Data, "authorized")
	switch string(authorized) {
	case "true":
		g.Authorized = true
	case "false":
	default:
		return o, g, false
	}
	name, ok := strings.CutSuffix(strings.TrimPrefix(path, permissionPath), grantSuffix(g.Action, g.Path))
	if !ok || name == "" || g.Action == "" || g.Path == "" {
		return o, g, false
	}
	if user, is := strings.CutPrefix(name, userPrefix); is {
		return UserOf(user), g, true
	}
	return GroupOf(name), g, true
}

// text returns the text of a member, "" if it is something else.
func text(object []byte, member string) string {
	value, _ := rawjson.Lookup(object, member)
	return string(rawjson.Unquote(value))
}

// without returns an object without the named members.
func without(object []byte, names ...string) []byte {
	out := append(make([]byte, 0, len(object)), '{')
next:
	for name, value := range rawjson.Members(object) {
		for _, unwanted := range names {
			if string(name) == unwanted {
				continue next
			}
		}
		out = appendMember(out, string(name), value)
	}
	return append(out, '}')
}

// appendMember appends a member to an object that is still open.
func appendMember(dst []byte, name string, value []byte) []byte {
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	return append(append(rawjson.AppendString(dst, name), ':'), value...)
}

// appendText is appendMember for text.
func appendText(dst []byte, name, value string) []byte {
	return appendMember(dst, name, rawjson.AppendString(nil, value))
}

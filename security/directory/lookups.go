package directory

import (
	"encoding/json"
	"strings"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/internal/rawjson"
	"github.com/happn-host/happn-host/security"
)

// Below _PERMISSIONS/_LOOKUP/ there are two documents for a group's permissions
// on a table: <group>/<table> has them, <table>/<group> is a mark for happn-3.
func lookupsPath(group, table string) string {
	return permissionPath + lookupPrefix + group + "/" + table
}

// lookupKey says whose permissions on which table a document has.
type lookupKey struct{ group, table string }

// applyLookups takes in the permissions of a group on a table. The mark is of no
// use here. What the document says tells where the group's name ends.
func (s *state) applyLookups(path string, doc *datastore.Document, d *dirty) {
	if before, ok := s.looked[path]; ok {
		d.groups[before.group] = struct{}{}
		drop(s.lookups, before.group, before.table)
		delete(s.looked, path)
	}
	if doc == nil {
		return
	}
	raw, _ := rawjson.Lookup(doc.Data, "permissions")
	var all []security.LookupPermission
	if json.Unmarshal(raw, &all) != nil || len(all) == 0 {
		return
	}
	table := all[0].Table
	group, ok := strings.CutSuffix(path[len(permissionPath+lookupPrefix):], "/"+table)
	if !ok || group == "" {
		return
	}
	d.groups[group] = struct{}{}
	put(s.lookups, group, table, &lookups{doc, all})
	s.looked[path] = lookupKey{group, table}
}

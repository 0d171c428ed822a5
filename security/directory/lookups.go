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

// applyLookups takes in the permissions of a group on a table. The mark is of no
// use here.
func (s *state) applyLookups(path string, doc *datastore.Document, d *dirty) {
	rest := path[len(permissionPath+lookupPrefix):]
	owner, table, ok := strings.Cut(rest, "/")
	if !ok {
		return
	}
	if before := s.lookups[owner][table]; before != nil {
		d.groups[owner] = struct{}{}
		drop(s.lookups, owner, table)
	}
	if doc == nil {
		return
	}
	raw, _ := rawjson.Lookup(doc.Data, "permissions")
	var all []security.LookupPermission
	if json.Unmarshal(raw, &all) != nil || len(all) == 0 {
		return
	}
	d.groups[owner] = struct{}{}
	put(s.lookups, owner, table, &lookups{doc, all})
}

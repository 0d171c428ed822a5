package directory

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/happn-host/happn-host/internal/rawjson"
	"github.com/happn-host/happn-host/security"
)

// invalid returns an error as happn-3 words it.
func invalid(format string, args ...any) error {
	return &security.Error{Name: "Error", Message: fmt.Sprintf(format, args...)}
}

// reserved are what the name of a group must not have in it.
var reserved = []string{"/", "_SYSTEM", "_GROUP", "_PERMISSION", "_USER_GROUP", security.Admin, security.Anonymous}

// checkGroupName refuses names that are paths or have a meaning of their own.
func checkGroupName(name string) error {
	if name == "" {
		return &security.Error{Name: "ValidationError", Code: 500, Message: "names cannot be empty"}
	}
	for _, word := range reserved {
		if strings.Contains(name, word) {
			return &security.Error{Name: "ValidationError", Code: 500, Message: "validation error: group names cannot " +
				"contain the special _SYSTEM, _GROUP, _PERMISSION, _USER_GROUP, _ADMIN, _ANONYMOUS segment or a forward slash /"}
		}
	}
	if strings.Contains(name, "*") || name+"/" == userPrefix || name+"/" == lookupPrefix {
		return invalid("invalid group name: %s", name)
	}
	return nil
}

// checkUsername refuses names that no user may be made with.
func checkUsername(name string) error {
	switch {
	case name == "":
		return invalid("validation failure: no username specified")
	case strings.Contains(name, ":nogroups"):
		return invalid("validation failure: username cannot contain the ':nogroups' directive")
	case strings.Contains(name+"/", linkSegment):
		return invalid("validation failure: username cannot contain %s", strings.TrimSuffix(linkSegment, "/"))
	case name == security.Anonymous:
		return invalid("validation failure: username cannot be reserved name _ANONYMOUS")
	}
	return nil
}

// object validates JSON that came from outside.
func object(raw []byte, kind string) ([]byte, error) {
	var s rawjson.Scanner
	if s.Valid(raw) == nil {
		start := rawjson.Space(raw, 0)
		raw = raw[start:rawjson.End(raw, start)]
		if rawjson.IsObject(raw) {
			return raw, nil
		}
	}
	return nil, invalid("%s is null or not an object", kind)
}

// edit is what an upsert says about one permission path.
type edit struct {
	path              string
	actions, prohibit []string
	remove            bool // the actions and prohibitions, instead of adding them
}

// parseEdits reads the permissions of an upsert. raw may be absent.
func parseEdits(o Owner, raw []byte) ([]edit, error) {
	var all []edit
	var wrong []string
	for name, value := range rawjson.Members(raw) {
		var given struct {
			Actions  []string `json:"actions"`
			Prohibit []string `json:"prohibit"`
			Remove   bool     `json:"remove"`
		}
		path := string(name)
		if err := json.Unmarshal(value, &given); err != nil {
			wrong = append(wrong, fmt.Sprintf("actions and prohibit must be lists of names, and remove true or false: %s", path))
			continue
		}
		if given.Actions == nil && given.Prohibit == nil {
			wrong = append(wrong, "missing allowed actions or prohibit rules: "+path)
		}
		wrong = appendUnknown(wrong, "unknown action", given.Actions, path)
		wrong = appendUnknown(wrong, "unknown prohibit action", given.Prohibit, path)
		all = append(all, edit{path, given.Actions, given.Prohibit, given.Remove})
	}
	if len(wrong) > 0 {
		return nil, invalid("%s permissions invalid: %s", o.kind(), strings.Join(wrong, ","))
	}
	for _, e := range all {
		if err := checkPermissionPath(e.path); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func appendUnknown(wrong []string, what string, names []string, path string) []string {
	for _, name := range names {
		if _, ok := security.ParseAction(name); !ok {
			wrong = append(wrong, what+": "+name+" for path: "+path)
		}
	}
	return wrong
}

func checkPermissionPath(path string) error {
	switch {
	case path == "":
		return invalid("permission path is null")
	case strings.Contains(path, wildcardEscape):
		return invalid("invalid permission path, cannot contain special string %s", wildcardEscape)
	}
	return nil
}

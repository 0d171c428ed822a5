package security

// Permission is what is allowed and what is prohibited on the paths that a
// permission path covers. A prohibition wins over all that is allowed.
type Permission struct {
	Allow    Actions `json:"actions,omitempty"`
	Prohibit Actions `json:"prohibit,omitempty"`
}

// Permissions are permissions by permission path: text in which `*` stands for
// anything and {{a.b}} for a value of the session (see permit).
type Permissions map[string]Permission

// Granted is one stored permission: one action on one permission path.
type Granted struct {
	Action     string `json:"action"`
	Authorized bool   `json:"authorized"` // false is a prohibition
	Path       string `json:"path"`
}

// LookupPermission lets a group do the actions on the paths that match Regex and
// whose counterpart is in a lookup table (happn-wire.md, 8.12).
type LookupPermission struct {
	Regex   string   `json:"regex"`
	Actions []string `json:"actions"`
	Table   string   `json:"table"`
	Path    string   `json:"path"` // of the counterpart; {{$1}} is the regular expression's first group
}

// LookupTable is a set of paths that lookup permissions refer to.
type LookupTable struct {
	Name  string   `json:"name"`
	Paths []string `json:"paths"` // without a leading slash
}

package permit_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/happn-host/happn-host/security"
	"github.com/happn-host/happn-host/security/permit"
)

func TestWithinAPrefixOnlyWhatNamesItIsAllowed(t *testing.T) {
	rules := permit.Compile([]security.Permissions{
		grants(t, "*:*", "/_SYSTEM/open/*:get", "/_SYSTEM/open/no:get", "*/no:!get", "/{{name}}/*:set", "/_SYSTEM/{{name}}:set"),
	}, nil)
	narrow := rules.Within("/_SYSTEM").For(func(string) []string { return []string{"_SYSTEM"} })
	for _, c := range []struct {
		action security.Actions
		path   string
		want   bool
	}{
		{security.Get, "/_SYSTEM/open/1", true},
		{security.Get, "/_SYSTEM/closed", false},
		{security.Get, "/_SYSTEM/open/no", false}, // prohibited from outside
		{security.Get, "/elsewhere", false},
		{security.Set, "/_SYSTEM/1", false}, // a value cannot name it
		{security.Set, "/_SYSTEM/_SYSTEM", true},
	} {
		assert.Equal(t, c.want, narrow.Decide(c.action, []byte(c.path)), "%v %s", c.action, c.path)
	}
}

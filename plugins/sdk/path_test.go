package sdk_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/plugins/sdk"
)

func TestPathsMatchPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"*", "", true}, {"*", "/a", true}, {"/a", "/a", true}, {"/a", "/ab", false}, {"/a*", "/a", true},
		{"/*/c", "/a/b/c", true}, {"/*/c", "/c", false}, {"*a*b", "xaxbxab", true}, {"*a*b", "xaxbxa", false},
	} {
		require.Equal(t, c.want, sdk.MatchesPath(c.pattern, c.path), "%s %s", c.pattern, c.path)
		require.Equal(t, c.want, sdk.MatchesPath(c.pattern, []byte(c.path)), "%s %s", c.pattern, c.path)
	}
}

package replica_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/tests/testhost/replica"
)

func TestTheURIThroughAProxyKeepsAllButWhereTheMembersAre(t *testing.T) {
	for uri, want := range map[string]string{
		"mongodb://a:1":                                      "mongodb://p:9/?directConnection=true",
		"mongodb://a:1,b:2/":                                 "mongodb://p:9/?directConnection=true",
		"mongodb://u:a%40b@a:1,b:2/x?w=1":                    "mongodb://u:a%40b@p:9/x?w=1&directConnection=true",
		"mongodb://a/?directConnection=true":                 "mongodb://p:9/?directConnection=true",
		"mongodb://a/?directconnection=false&replicaSet=rs0": "mongodb://p:9/?replicaSet=rs0&directConnection=true",
		"mongodb://a/?w=1&directConnection=false":            "mongodb://p:9/?w=1&directConnection=true",
	} {
		require.Equal(t, want, replica.Member{URI: uri}.Through("p:9"), uri)
	}
}

func TestAServerOfOneMemberIsThatMember(t *testing.T) {
	for uri, want := range map[string]string{"mongodb://a:1/x": "a:1", "mongodb://a/x?replicaSet=rs0": "a:27017"} {
		require.Equal(t, replica.Member{URI: uri, Address: want}, replica.MemberOf(t, uri))
	}
}

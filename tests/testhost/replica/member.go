package replica

import (
	"context"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"

	"github.com/happn-host/happn-host/tests/testhost"
)

// Member is a server that a proxy can be put in front of.
type Member struct {
	URI     string // of all members
	Address string // of this one: host and port
}

// MemberOf returns who takes the writes of a server: itself, or the primary of
// several. A proxy must see what passes, so instead of a server that encrypts or
// compresses, or that only a DNS server knows, it is a FerretDB.
func MemberOf(tb testing.TB, uri string) Member {
	tb.Helper()
	if strings.HasPrefix(uri, connstring.SchemeMongoDBSRV+":") {
		return alone(tb, testhost.Ferret(tb))
	}
	parsed := parse(tb, uri)
	switch {
	case parsed.SSL || len(parsed.Compressors) > 0:
		return alone(tb, testhost.Ferret(tb))
	case len(parsed.Hosts) == 1:
		return alone(tb, uri)
	}
	primary, ok := hello(tb, uri).Lookup("primary").StringValueOK()
	if !ok {
		primary = parsed.Hosts[0] // of a sharded cluster all are alike
	}
	return Member{uri, primary}
}

// alone is a server of one member.
func alone(tb testing.TB, uri string) Member {
	tb.Helper()
	address := parse(tb, uri).Hosts[0]
	if _, _, err := net.SplitHostPort(address); err != nil {
		address = net.JoinHostPort(address, "27017")
	}
	return Member{uri, address}
}

func parse(tb testing.TB, uri string) *connstring.ConnString {
	tb.Helper()
	parsed, err := connstring.ParseAndValidate(uri)
	if err != nil {
		tb.Fatalf("the URI of the MongoDB server: %v", err)
	}
	return parsed
}

// direct finds what a URI says of where to look for other members.
var direct = regexp.MustCompile(`(?i)\bdirectConnection=\w*&?`)

// Through is the URI of the member behind a proxy, of no other one.
func (m Member) Through(proxy string) string {
	scheme, rest, _ := strings.Cut(m.URI, "://")
	hosts, query, _ := strings.Cut(rest, "?")
	hosts, database, _ := strings.Cut(hosts, "/")
	credentials := hosts[:strings.LastIndexByte(hosts, '@')+1]
	query = strings.TrimSuffix(direct.ReplaceAllString(query, ""), "&")
	if query != "" {
		query += "&"
	}
	return scheme + "://" + credentials + proxy + "/" + database + "?" + query + "directConnection=true"
}

// hello asks a server what it is.
func hello(tb testing.TB, uri string) bson.Raw {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		tb.Fatalf("connecting to the MongoDB server: %v", err)
	}
	defer func() { _ = client.Disconnect(ctx) }()
	answer, err := client.Database("admin").RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Raw()
	if err != nil {
		tb.Fatalf("asking the MongoDB server what it is: %v", err)
	}
	return answer
}

// streams reports whether a server has change streams.
func streams(tb testing.TB, uri string) bool {
	tb.Helper()
	answer := hello(tb, uri)
	set, _ := answer.Lookup("setName").StringValueOK()
	kind, _ := answer.Lookup("msg").StringValueOK()
	return set != "" || kind == "isdbgrid"
}

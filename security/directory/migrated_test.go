package directory_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore/memory"
	"github.com/happn-host/happn-host/security"
	"github.com/happn-host/happn-host/security/directory"
	"github.com/happn-host/happn-host/security/durable"
)

// captured are documents as a happn-3 server has stored them.
var captured = map[string]string{
	"_GROUP/_ADMIN":                      `{"custom_data":{"description":"the default administration group for happn"},"name":"_ADMIN"}`,
	"_PERMISSIONS/_ADMIN/*/{{w}}":        `{"action":"*","authorized":true,"path":"*"}`,
	"_USER/_ADMIN":                       `{"custom_data":{},"username":"_ADMIN","password":"pbkdf2$10000$ee$5c$sha512","userid":"c624c8a8-53d5-4658-affd-5932c2253f3a"}`,
	"_USER/_ADMIN/_USER_GROUP/_ADMIN":    `{}`,
	"SESSION_TOKEN_SECRET":               `{"secret":"23e3645c"}`,
	"_GROUP/G2":                          `{"name":"G2"}`,
	"_GROUP/G1/SUB":                      `{"name":"SUB"}`,
	"_USER/a/b":                          `{"username":"a/b","password":"pbkdf2$10000$b1$58$sha512","userid":"8e3d1ca2-8363-4cac-be4f-c682d7625205"}`,
	"_USER/a#b!":                         `{"username":"a#b!","password":"pbkdf2$10000$90$9a$sha512","userid":"0895fd95-25f0-4276-904a-7bd0ec171f0d"}`,
	"_USER/al":                           `{"username":"al","publicKey":"key","authType":"other","userid":"33a5430c-022a-4ac5-b3e7-6773f462afdd"}`,
	"_USER/al/_USER_GROUP/G2":            `{}`,
	"_USER/al/_USER_GROUP/gone":          `{}`,
	"_PERMISSIONS/_USER/al/get//q":       `{"action":"get","authorized":true,"path":"/q"}`,
	"_PERMISSIONS/_USER/a/b/get//ab":     `{"action":"get","authorized":true,"path":"/ab"}`,
	"_PERMISSIONS/G2/boo//p/q":           `{"action":"boo","authorized":true,"path":"/p/q"}`,
	"_PERMISSIONS/G2/on//p/x":            `{"action":"on","authorized":false,"path":"/p/x"}`,
	"_PERMISSIONS/G2/on//p/{{w}}":        `{"action":"on","authorized":true,"path":"/p/*"}`,
	"_LOOKUP/LT/x/1":                     `{"authorized":true}`,
	"_LOOKUP/LT/x/3":                     `{"authorized":false}`,
	"_PERMISSIONS/_LOOKUP/G2/LT":         `{"permissions":[{"regex":"^/data/(.*)","actions":["get","on"],"table":"LT","path":"/x/{{$1}}"}]}`,
	"_PERMISSIONS/_LOOKUP/LT/G2":         `{}`,
	"_PERMISSIONS/_LOOKUP/G2/bad":        `{"permissions":[{"regex":"(?=x)","actions":["get"],"table":"bad","path":"/x"}]}`,
	"_PERMISSIONS/G2/set//other":         `{"action":"get","authorized":true,"path":"/other"}`, // it contradicts its path
	"_PERMISSIONS/_USER/al/set//unclear": `{"action":"set","authorized":"yes","path":"/unclear"}`,
}

func TestADatabaseOfHappnWorks(t *testing.T) {
	store := newStore(t)
	for path, data := range captured {
		require.NoError(t, second(durable.Put(t.Context(), store, root+path, []byte(data), time.UnixMilli(1))))
	}
	o := options()
	o.AdminPassword = nil
	f := open(t, store, o)
	stored := f.stored()
	for path, data := range captured {
		assert.Equal(t, data, stored[path], path)
	}
	assert.Len(t, stored, len(captured), "nothing is added")

	admin, _ := f.Account("_ADMIN")
	assert.Equal(t, "pbkdf2$10000$ee$5c$sha512", admin.PasswordHash())
	al, ok := f.Account("al")
	require.True(t, ok)
	assert.Equal(t, security.User{Name: "al", ID: "33a5430c-022a-4ac5-b3e7-6773f462afdd", PublicKey: "key", AuthType: "other",
		Data: []byte(captured["_USER/al"]), Permissions: security.Permissions{"/q": {Allow: security.Get}},
		Groups: map[string][]byte{"G2": []byte("{}"), "gone": []byte("{}")}}, *al.User())
	for _, c := range []struct {
		user   string
		action security.Actions
		path   string
		want   bool
	}{
		{"_ADMIN", security.Any, "/anything", true},
		{"al", security.Get, "/q", true},
		{"al", security.On, "/p/1", true},
		{"al", security.On, "/p/x", false},
		{"al", security.Get, "/data/1", true},
		{"al", security.Get, "/data/3", false},
		{"al", security.Get, "/other", false},
		{"al", security.Set, "/unclear", false},
		{"al", security.Get, "/ab", false},
		{"a/b", security.Get, "/ab", true},
		{"a#b!", security.Get, "/q", false},
	} {
		assert.Equal(t, c.want, f.may(c.user, c.action, c.path), "%s %v %s", c.user, c.action, c.path)
	}
	_, ok = f.Account("a")
	assert.False(t, ok)
}

func FuzzObserve(f *testing.F) {
	for path, data := range captured {
		f.Add(path, data)
	}
	f.Fuzz(func(t *testing.T, path, data string) {
		store, err := memory.Open(memory.Options{Durability: memory.DurabilityNone})
		require.NoError(t, err)
		defer store.Close()
		d, err := directory.Open(t.Context(), store, options())
		require.NoError(t, err)
		if strings.HasPrefix(path, "_USER/_ADMIN") || strings.Contains(path, "_ADMIN") {
			return
		}
		_, err = d.UpsertUser(t.Context(), []byte(`{"username":"al","password":"p"}`), true)
		require.NoError(t, err)
		admin, _ := d.Account("_ADMIN")
		before := admin.Rules().Key()
		if second(durable.Put(t.Context(), store, root+path, []byte(data), time.UnixMilli(1))) == nil {
			require.NoError(t, d.Observe(t.Context(), root+path))
			require.NoError(t, d.Reload(t.Context()))
		}
		require.Equal(t, before, admin.Rules().Key())
		_, _ = d.UpsertUser(t.Context(), []byte(data), true)
		_, _ = d.UpsertGroup(t.Context(), []byte(data), "", true)
		_ = d.UpsertPermissions(t.Context(), directory.UserOf("al"), []byte(data))
		_, _ = d.Users(t.Context(), path, []byte(data))
		require.NoError(t, d.Reload(t.Context()))
		_, _ = d.DeleteUser(t.Context(), "al")
	})
}

func TestAccountsAreReadWhileTheyChange(t *testing.T) {
	f := newDirectory(t)
	f.user(`{"username":"al","password":"p"}`)
	f.group(`{"name":"G","permissions":{"/{{user.username}}/*":{"actions":["get"]}}}`)
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				account, ok := f.Account("al")
				if !ok {
					t.Error("al is gone")
					return
				}
				_, in := account.User().Groups["G"]
				f.may("al", security.Get, "/al/1")
				if in && len(account.User().ID) == 0 {
					t.Error("half a user")
				}
			}
		})
	}
	for range 100 {
		f.link("G", "al")
		assert.True(t, f.may("al", security.Get, "/al/1"))
		require.NoError(t, second(f.UnlinkGroup(t.Context(), "G", "al")))
		assert.False(t, f.may("al", security.Get, "/al/1"))
	}
	close(done)
	readers.Wait()
}

// many is a directory of 10,000 users in 10 groups.
func many(b *testing.B) *directory.Directory {
	b.Helper()
	store, err := memory.Open(memory.Options{Durability: memory.DurabilityNone})
	require.NoError(b, err)
	b.Cleanup(func() { store.Close() })
	d, err := directory.Open(b.Context(), store, options())
	require.NoError(b, err)
	for i := range 10 {
		_, err := d.UpsertGroup(b.Context(), fmt.Appendf(nil, `{"name":"G%d","permissions":{"/g%d/*":{"actions":["get"]}}}`, i, i), "", true)
		require.NoError(b, err)
	}
	for i := range 10000 {
		name := fmt.Sprintf("user%d", i)
		_, err := d.UpsertUser(b.Context(), fmt.Appendf(nil, `{"username":%q,"password":"p"}`, name), true)
		require.NoError(b, err)
		_, err = d.LinkGroup(b.Context(), fmt.Sprintf("G%d", i%10), name, nil)
		require.NoError(b, err)
	}
	return d
}

// BenchmarkAccount looks an account up and asks for its rules.
func BenchmarkAccount(b *testing.B) {
	d := many(b)
	b.ReportAllocs()
	for b.Loop() {
		account, ok := d.Account("user1234")
		if !ok || account.Rules() == nil {
			b.Fatal("no such user")
		}
	}
}

// BenchmarkGroupChange changes the permissions of a group with 1,000 users.
func BenchmarkGroupChange(b *testing.B) {
	d := many(b)
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if _, err := d.UpsertPermission(b.Context(), directory.GroupOf("G1"), "/x", "get", n%2 == 0); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReload reads 10,000 users and their links.
func BenchmarkReload(b *testing.B) {
	d := many(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Reload(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

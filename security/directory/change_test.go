package directory_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/security"
	"github.com/happn-host/happn-host/security/directory"
)

// What was told is, but for times and ids, what a happn-3 server was seen to
// tell.
func TestChangesAreToldAsHappnTellsThem(t *testing.T) {
	f, ctx := newDirectory(t), t.Context()
	f.user(`{"username":"al","password":"p"}`)
	f.group(`{"name":"G1","custom_data":{"x":1},"permissions":{"/b":{"actions":["*"],"prohibit":["remove"]}}}`)
	f.link("G1", "al")
	const meta = `"_meta":{"path":"/_SYSTEM/_SECURITY/%s","created":1000,"modified":1000}`
	for _, c := range []struct {
		do    func() error
		what  string
		data  string
		users []string
		again bool // subscriptions are decided anew
	}{
		{func() error {
			return second(f.UpsertGroup(ctx, []byte(`{"name":"G1","custom_data":{"x":1},"permissions":{"/a/*":{"actions":["get","set"]}}}`), "", true))
		}, "upsert-group", `{"name":"G1","custom_data":{"x":1},` + fmt.Sprintf(meta, "_GROUP/G1") +
			`,"permissions":{"/a/*":{"actions":["get","set"]}}}`, []string{"al"}, true},
		{func() error { return second(f.UpsertGroup(ctx, []byte(`{"name":"G1"}`), "", true)) },
			"upsert-group", `{"name":"G1",` + fmt.Sprintf(meta, "_GROUP/G1") + `,"permissions":{}}`, []string{"al"}, false},
		{func() error { return second(f.LinkGroup(ctx, "G1", "al", []byte(`{"d":1}`))) },
			"link-group", `{"d":1,` + fmt.Sprintf(meta, "_USER/al/_USER_GROUP/G1") + `}`, []string{"al"}, true},
		{func() error { return second(f.UpsertPermission(ctx, directory.GroupOf("G1"), "/p/*", "on", true)) },
			"permission-upserted", `{"groupName":"G1","path":"/p/*","action":"on","authorized":true}`, []string{"al"}, true},
		{func() error { return second(f.UpsertPermission(ctx, directory.UserOf("al"), "/p/x", "on", false)) },
			"permission-upserted", `{"username":"al","path":"/p/x","action":"on","authorized":false}`, []string{"al"}, true},
		{func() error { return second(f.RemovePermission(ctx, directory.GroupOf("G1"), "/p/*", "on")) },
			"permission-removed", `{"groupName":"G1","path":"/p/*","action":"on"}`, []string{"al"}, true},
		{func() error {
			return f.UpsertPermissions(ctx, directory.UserOf("al"), []byte(`{"/q":{"actions":["get"]}}`))
		},
			"upsert-user", `{"username":"al","permissions":{"/q":{"actions":["get"]}}}`, []string{"al"}, true},
		{func() error {
			return f.UpsertLookupTable(ctx, security.LookupTable{Name: "LT", Paths: []string{"/x/1", "x/2/y"}})
		}, "lookup-table-changed", `{"groups":[],"table":"LT"}`, nil, true},
		{func() error {
			return f.UpsertLookupPermission(ctx, "G1", security.LookupPermission{Regex: "^/data/(.*)",
				Actions: []string{"get", "on"}, Table: "LT", Path: "/x/{{$1}}"})
		}, "lookup-permission-changed", `{"group":"G1","table":"LT"}`, []string{"al"}, true},
		{func() error { return f.InsertLookupPath(ctx, "LT", "/x/3") },
			"lookup-table-changed", `{"groups":["G1"],"table":"LT"}`, []string{"al"}, true},
		{func() error { return second(f.UnlinkGroup(ctx, "G1", "al")) },
			"unlink-group", `{"path":"/_SYSTEM/_SECURITY/_USER/al/_USER_GROUP/G1","permissions":` +
				`{"/a/*":{"actions":["get","set"]},"/b":{"actions":["*"],"prohibit":["remove"]}}}`, []string{"al"}, true},
		{func() error { return second(f.DeleteGroup(ctx, "G1")) },
			"delete-group", `{"removed":1,"obj":{"name":"G1","permissions":{"/a/*":{"actions":["get","set"]},"/b":{"actions":["*"],"prohibit":["remove"]}}},` +
				`"links":{"data":{"removed":0},"_meta":{"timestamp":1000,"path":"/_SYSTEM/_SECURITY/_USER/*/_USER_GROUP/G1"}},` +
				`"permissions":{"data":{"removed":4},"_meta":{"timestamp":1000,"path":"/_SYSTEM/_SECURITY/_PERMISSIONS/G1/*"}}}`, nil, true},
		{func() error { return second(f.DeleteUser(ctx, "zz")) },
			"delete-user", `{"obj":{"data":{"removed":0},"_meta":{"timestamp":1000,"path":"/_SYSTEM/_SECURITY/_USER/zz"}},` +
				`"tree":{"data":{"removed":0},"_meta":{"timestamp":1000,"path":"/_SYSTEM/_SECURITY/_USER/zz/*"}}}`, []string{"zz"}, false},
	} {
		require.NoError(t, c.do(), c.what)
		heard := f.last()
		assert.Equal(t, c.what, heard.What)
		assert.Equal(t, c.data, string(heard.Data))
		assert.ElementsMatch(t, c.users, heard.Users, c.what)
		assert.Equal(t, c.again, heard.Reauthorize, c.what)
	}
}

func TestAPermissionThatIsNotThereIsNotRemoved(t *testing.T) {
	f, ctx := newDirectory(t), t.Context()
	f.group(`{"name":"G","permissions":{"/a":{"actions":["get","set","*"],"prohibit":["on"]},"/b":{"actions":["get"]}}}`)
	told := len(f.heard)
	n, err := f.RemovePermission(ctx, directory.GroupOf("G"), "/a", "remove")
	require.NoError(t, err)
	assert.Zero(t, n)
	n, err = f.RemovePermission(ctx, directory.GroupOf("G"), "/a", "on")
	require.NoError(t, err)
	assert.Zero(t, n, "a prohibition is taken back by an upsert")
	assert.Len(t, f.heard, told, "nothing has changed")

	n, err = f.RemovePermission(ctx, directory.GroupOf("G"), "/a", "")
	require.NoError(t, err)
	assert.Equal(t, 3, n)
	assert.Equal(t, []security.Granted{{Action: "get", Authorized: true, Path: "/b"}, {Action: "on", Authorized: false, Path: "/a"}},
		f.Permissions(directory.GroupOf("G")))
}

func TestHearersHearInOrder(t *testing.T) {
	f := newDirectory(t)
	f.user(`{"username":"al","password":"p"}`)
	var order []string
	stop := f.OnChange(func(c security.Change) {
		account, ok := f.Account("al") // a hearer may read
		if assert.True(t, ok) {
			order = append(order, string(account.User().Data))
		}
	})
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for n := range 20 {
				f.user(fmt.Sprintf(`{"username":"u%d","password":"p","n":%d}`, g, n))
			}
		})
	}
	all.Wait()
	assert.Len(t, order, 160)
	stop()
	f.user(`{"username":"al","password":"q"}`)
	assert.Len(t, order, 160)

	last := map[string]string{}
	for _, c := range f.heard {
		last[c.Users[0]] = string(c.Data)
	}
	for g := range 8 {
		assert.Contains(t, last[fmt.Sprintf("u%d", g)], `"n":19`)
	}
}

func TestAPasswordIsReplacedOnlyWhereItIsStillTheOldOne(t *testing.T) {
	f, ctx := newDirectory(t), t.Context()
	f.user(`{"username":"al","password":"p"}`)
	account, _ := f.Account("al")
	done, err := f.SetPassword(ctx, "al", "better", "hash of p")
	require.NoError(t, err)
	assert.True(t, done)
	done, err = f.SetPassword(ctx, "al", "late", "hash of p")
	require.NoError(t, err)
	assert.False(t, done)
	assert.Equal(t, "better", account.PasswordHash())
	_, err = f.SetPassword(ctx, "none", "x", "")
	assert.EqualError(t, err, "none does not exist in the system")
}

func TestLookupTablesAreStoredAsHappnStoresThem(t *testing.T) {
	f, ctx := newDirectory(t), t.Context()
	f.user(`{"username":"al","password":"p"}`)
	f.group(`{"name":"G"}`)
	f.link("G", "al")
	one := security.LookupPermission{Regex: "^/data/(.*)", Actions: []string{"get"}, Table: "T", Path: "/x/{{$1}}"}
	other := security.LookupPermission{Regex: "^/mine/(.*)", Actions: []string{"get"}, Table: "T", Path: "/{{user.username}}/{{$1}}"}
	require.NoError(t, f.UpsertLookupTable(ctx, security.LookupTable{Name: "T", Paths: []string{"/x/1", "al/1"}}))
	require.NoError(t, f.UpsertLookupPermission(ctx, "G", one))
	require.NoError(t, f.UpsertLookupPermission(ctx, "G", other))
	require.NoError(t, f.UpsertLookupPermission(ctx, "G", other))
	stored := f.stored()
	assert.Equal(t, `{"authorized":true}`, stored["_LOOKUP/T/x/1"])
	assert.Equal(t, `{}`, stored["_PERMISSIONS/_LOOKUP/T/G"])
	assert.Equal(t, `{"permissions":[{"regex":"^/data/(.*)","actions":["get"],"table":"T","path":"/x/{{$1}}"},`+
		`{"regex":"^/mine/(.*)","actions":["get"],"table":"T","path":"/{{user.username}}/{{$1}}"}]}`, stored["_PERMISSIONS/_LOOKUP/G/T"])
	assert.Equal(t, []security.LookupPermission{one, other}, f.LookupPermissions("G"))
	assert.Equal(t, security.LookupTable{Name: "T", Paths: []string{"al/1", "x/1"}}, f.LookupTable("T"))
	assert.Equal(t, []string{"T"}, f.LookupTables())

	for _, f := range []*fixture{f, open(t, f.store, options())} {
		assert.True(t, f.may("al", security.Get, "/data/1"))
		assert.True(t, f.may("al", security.Get, "/mine/1"))
		assert.False(t, f.may("al", security.Get, "/data/2"))
	}
	require.NoError(t, f.InsertLookupPath(ctx, "T", "x/2"))
	assert.True(t, f.may("al", security.Get, "/data/2"))
	require.NoError(t, f.RemoveLookupPath(ctx, "T", "/x/2"))
	assert.False(t, f.may("al", security.Get, "/data/2"))
	require.NoError(t, f.RemoveLookupPermission(ctx, "G", other))
	assert.False(t, f.may("al", security.Get, "/mine/1"))
	require.NoError(t, f.RemoveTablePermissions(ctx, "G", "T"))
	assert.False(t, f.may("al", security.Get, "/data/1"))
	require.NoError(t, f.DeleteLookupTable(ctx, "T"))
	assert.Empty(t, f.LookupTables())
	for path := range f.stored() {
		assert.NotContains(t, path, "_LOOKUP")
	}

	for _, err := range []error{
		f.InsertLookupPath(ctx, "a/b", "x"), f.InsertLookupPath(ctx, "T", "x/*"), f.InsertLookupPath(ctx, "T", ""),
		f.UpsertLookupPermission(ctx, "G", security.LookupPermission{Regex: "(", Table: "T"}),
		f.UpsertLookupPermission(ctx, "G", security.LookupPermission{Regex: "a", Table: "T", Actions: []string{"boo"}}),
		f.UpsertLookupPermission(ctx, "a/b", security.LookupPermission{Regex: "a", Table: "T"}),
	} {
		assert.Error(t, err)
	}
}

func TestAGroupAndATableMayChangeNames(t *testing.T) {
	f, ctx := newDirectory(t), t.Context()
	a := security.LookupPermission{Regex: "a", Actions: []string{"get"}, Table: "B", Path: "/"}
	b := security.LookupPermission{Regex: "b", Actions: []string{"get"}, Table: "A", Path: "/"}
	require.NoError(t, f.UpsertLookupPermission(ctx, "A", a))
	require.NoError(t, f.UpsertLookupPermission(ctx, "B", b))
	require.NoError(t, f.UpsertLookupPermission(ctx, "A", security.LookupPermission{Regex: "c", Actions: []string{"get"}, Table: "B", Path: "/"}))
	assert.Len(t, f.LookupPermissions("A"), 2)
	assert.Equal(t, []security.LookupPermission{b}, f.LookupPermissions("B"))
	require.NoError(t, f.RemoveTablePermissions(ctx, "A", "B"))
	again := open(t, f.store, options())
	assert.Empty(t, again.LookupPermissions("A"))
	assert.Equal(t, []security.LookupPermission{b}, again.LookupPermissions("B"))
}

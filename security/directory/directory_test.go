package directory_test

import (
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/memory"
	"github.com/happn-host/happn-host/security"
	"github.com/happn-host/happn-host/security/directory"
	"github.com/happn-host/happn-host/security/durable"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fixture is a directory over a store, with what it told.
type fixture struct {
	*directory.Directory
	t     *testing.T
	store datastore.Store
	mu    sync.Mutex
	heard []security.Change
}

func options() directory.Options {
	return directory.Options{
		Hash:          func(password string) (string, error) { return "hash of " + password, nil },
		AdminPassword: func() (string, error) { return "secret", nil },
		Now:           func() time.Time { return time.UnixMilli(1000) },
	}
}

func newStore(t *testing.T) datastore.Store {
	t.Helper()
	store, err := memory.Open(memory.Options{Durability: memory.DurabilityNone})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close()) })
	return store
}

func open(t *testing.T, store datastore.Store, o directory.Options) *fixture {
	t.Helper()
	d, err := directory.Open(t.Context(), store, o)
	require.NoError(t, err)
	f := &fixture{Directory: d, t: t, store: store}
	t.Cleanup(d.OnChange(func(c security.Change) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.heard = append(f.heard, c)
	}))
	return f
}

func newDirectory(t *testing.T) *fixture {
	t.Helper()
	return open(t, newStore(t), options())
}

func (f *fixture) user(raw string) *security.User {
	f.t.Helper()
	u, err := f.UpsertUser(f.t.Context(), []byte(raw), true)
	require.NoError(f.t, err)
	return u
}

func (f *fixture) group(raw string) *security.Group {
	f.t.Helper()
	g, err := f.UpsertGroup(f.t.Context(), []byte(raw), "", true)
	require.NoError(f.t, err)
	return g
}

func (f *fixture) link(group, user string) {
	f.t.Helper()
	_, err := f.LinkGroup(f.t.Context(), group, user, nil)
	require.NoError(f.t, err)
}

// last returns what was told last.
func (f *fixture) last() security.Change {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	require.NotEmpty(f.t, f.heard)
	return f.heard[len(f.heard)-1]
}

func (f *fixture) may(user string, a security.Actions, path string) bool {
	f.t.Helper()
	account, ok := f.Account(user)
	require.True(f.t, ok, user)
	return account.Rules().For(func(name string) []string {
		if name == "user.username" {
			return []string{user}
		}
		return nil
	}).Decide(a, []byte(path))
}

// stored returns the data of all documents by path.
func (f *fixture) stored() map[string]string {
	f.t.Helper()
	all := map[string]string{}
	q := &datastore.Query{Pattern: []byte("/_SYSTEM/*")}
	require.NoError(f.t, f.store.Find(f.t.Context(), q, func(doc *datastore.Document) bool {
		all[strings.TrimPrefix(doc.Path, "/_SYSTEM/_SECURITY/")] = string(doc.Data)
		return true
	}))
	return all
}

func TestANewStoreGetsItsAdministrator(t *testing.T) {
	f := newDirectory(t)
	stored := f.stored()
	var admin map[string]any
	require.NoError(t, json.Unmarshal([]byte(stored["_USER/_ADMIN"]), &admin))
	assert.Equal(t, "_ADMIN", admin["username"])
	assert.Equal(t, "hash of secret", admin["password"])
	assert.Regexp(t, "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$", admin["userid"])
	delete(stored, "_USER/_ADMIN")
	assert.Equal(t, map[string]string{
		"_GROUP/_ADMIN":                   `{"custom_data":{"description":"the default administration group for happn"},"name":"_ADMIN"}`,
		"_PERMISSIONS/_ADMIN/*/{{w}}":     `{"action":"*","authorized":true,"path":"*"}`,
		"_USER/_ADMIN/_USER_GROUP/_ADMIN": `{}`,
	}, stored)
	assert.True(t, f.may("_ADMIN", security.Set, "/anything"))
	account, _ := f.Account("_ADMIN")
	assert.Equal(t, "FIgtui0QhsDlIrZYrku+TgJn7oY=", account.Rules().Key(), "as captured from happn-3")
	assert.Equal(t, "hash of secret", account.PasswordHash())
	assert.NotContains(t, string(account.User().Data), "password")

	o := options()
	o.AdminPassword = func() (string, error) { return "", errors.New("not asked again") }
	again := open(t, f.store, o)
	assert.True(t, again.may("_ADMIN", security.Set, "/anything"))
	assert.Equal(t, f.stored(), again.stored())
}

func TestWithoutAPasswordThereIsNoAdministrator(t *testing.T) {
	o := options()
	o.AdminPassword = nil
	_, err := directory.Open(t.Context(), newStore(t), o)
	assert.ErrorContains(t, err, "set AdminPassword")
}

func TestTheAnonymousUserIsMadeWhereItIsWanted(t *testing.T) {
	o := options()
	o.Anonymous = true
	f := open(t, newStore(t), o)
	account, ok := f.Account("_ANONYMOUS")
	require.True(t, ok)
	assert.Equal(t, "hash of anonymous", account.PasswordHash())
	_, ok = newDirectory(t).Account("_ANONYMOUS")
	assert.False(t, ok)
}

func TestUsersAreStoredAsHappnStoresThem(t *testing.T) {
	f := newDirectory(t)
	u := f.user(`{"username":"bo*b@x.com","password":"p","custom_data":{"a":1},"permissions":{"/u/*":{"actions":["get"],"prohibit":["set"]}}}`)
	assert.Equal(t, "bob@x.com", u.Name)
	stored := f.stored()
	assert.Equal(t, `{"username":"bob@x.com","password":"hash of p","custom_data":{"a":1},"userid":"`+u.ID+`"}`, stored["_USER/bob@x.com"])
	assert.Equal(t, `{"action":"get","authorized":true,"path":"/u/*"}`, stored["_PERMISSIONS/_USER/bob@x.com/get//u/{{w}}"])
	assert.Equal(t, `{"action":"set","authorized":false,"path":"/u/*"}`, stored["_PERMISSIONS/_USER/bob@x.com/set//u/{{w}}"])
	assert.Equal(t, `{"username":"bob@x.com","custom_data":{"a":1},"userid":"`+u.ID+`","permissions":{"/u/*":{"actions":["get"],"prohibit":["set"]}},"groups":{}}`,
		string(u.AppendJSON(nil, true)))
	assert.Equal(t, security.Change{What: "upsert-user", Users: []string{"bob@x.com"}, Reauthorize: true,
		Data: []byte(`{"username":"bob@x.com","custom_data":{"a":1},"userid":"` + u.ID + `","groups":{},"permissions":{"/u/*":{"actions":["get"],"prohibit":["set"]}}}`)},
		f.last())

	again := f.user(`{"username":"bob@x.com","custom_data":{"b":2}}`)
	assert.Equal(t, u.ID, again.ID)
	assert.Equal(t, `{"username":"bob@x.com","password":"hash of p","custom_data":{"b":2},"userid":"`+u.ID+`"}`, f.stored()["_USER/bob@x.com"])
	assert.Contains(t, string(f.last().Data), `"permissions":{}`)
	assert.True(t, f.may("bob@x.com", security.Get, "/u/1"))
	assert.False(t, f.may("bob@x.com", security.Set, "/u/1"))
}

func TestWhatIsInvalidIsRefusedInTheWordsOfHappn(t *testing.T) {
	f := newDirectory(t)
	f.user(`{"username":"al","password":"p"}`)
	f.group(`{"name":"G2"}`)
	user := func(raw string, overwrite bool) error {
		_, err := f.UpsertUser(t.Context(), []byte(raw), overwrite)
		return err
	}
	group := func(raw string, overwrite bool) error {
		_, err := f.UpsertGroup(t.Context(), []byte(raw), "", overwrite)
		return err
	}
	const words = "validation error: group names cannot contain the special _SYSTEM, _GROUP, _PERMISSION, _USER_GROUP, _ADMIN, _ANONYMOUS segment or a forward slash /"
	before := f.stored()
	for _, c := range []struct {
		err     error
		name    string
		message string
		code    int
	}{
		{user(`null`, true), "Error", "user is null or not an object", 0},
		{user(`{"username":"x"`, true), "Error", "user is null or not an object", 0},
		{user(`{"password":"p"}`, true), "Error", "validation failure: no username specified", 0},
		{user(`{"username":"new"}`, true), "Error", "validation failure: no password or publicKey specified for a new user", 0},
		{user(`{"username":"al","password":"p"}`, false), "Error", "validation failure: user by the name al already exists", 0},
		{user(`{"username":"_ANONYMOUS","password":"p"}`, true), "Error", "validation failure: username cannot be reserved name _ANONYMOUS", 0},
		{user(`{"username":"a:nogroups","password":"p"}`, true), "Error", "validation failure: username cannot contain the ':nogroups' directive", 0},
		{user(`{"username":"al","permissions":{"/a":{"actions":["boo"]}}}`, true), "Error", "user permissions invalid: unknown action: boo for path: /a", 0},
		{group(`null`, true), "Error", "group is null or not an object", 0},
		{group(`{"name":"G2"}`, false), "Error", "validation failure: group by the name G2 already exists", 0},
		{group(`{"name":"a/b"}`, true), "ValidationError", words, 500},
		{group(`{"name":"X_ADMIN"}`, true), "ValidationError", words, 500},
		{group(`{"name":"G*"}`, true), "Error", "invalid group name: G*", 0},
		{group(`{"name":"G","permissions":{"/a":{"actions":["boo"]}}}`, true), "Error", "group permissions invalid: unknown action: boo for path: /a", 0},
		{group(`{"name":"G","permissions":{"/a":{}}}`, true), "Error", "group permissions invalid: missing allowed actions or prohibit rules: /a", 0},
		{group(`{"name":"G","permissions":{"/a/{{w}}":{"actions":["get"]}}}`, true), "Error", "invalid permission path, cannot contain special string {{w}}", 0},
		{second(f.LinkGroup(t.Context(), "none", "al", nil)), "Error", "validation error: group does not exist or has not been saved", 0},
		{second(f.LinkGroup(t.Context(), "G2", "none", nil)), "Error", "validation error: user does not exist or has not been saved", 0},
		{second(f.DeleteUser(t.Context(), "_ADMIN")), "Error", "unable to delete a user with the reserved name: _ADMIN", 0},
		{second(f.DeleteGroup(t.Context(), "none")), "Error", "group you are deleting does not exist", 0},
		{second(f.UpsertPermission(t.Context(), directory.GroupOf("G2"), "/{{w}}", "get", true)), "Error", "invalid permission path, cannot contain special string {{w}}", 0},
	} {
		var e *security.Error
		if assert.ErrorAs(t, c.err, &e, c.message) {
			assert.Equal(t, security.Error{Name: c.name, Message: c.message, Code: c.code}, *e)
		}
	}
	assert.Equal(t, before, f.stored(), "nothing was stored")
}

func second[T any](_ T, err error) error { return err }

func TestRightsFollowEveryChangeAtOnce(t *testing.T) {
	f, ctx := newDirectory(t), t.Context()
	f.user(`{"username":"al","password":"p"}`)
	account, _ := f.Account("al")
	may := func() bool { return f.may("al", security.Get, "/x") }
	steps := []struct {
		what string
		do   func() error
		may  bool
	}{
		{"group", func() error { f.group(`{"name":"G","permissions":{"/x":{"actions":["get"]}}}`); return nil }, false},
		{"link", func() error { f.link("G", "al"); return nil }, true},
		{"prohibition", func() error {
			return second(f.UpsertPermission(ctx, directory.UserOf("al"), "/*", "get", false))
		}, false},
		{"prohibition taken back", func() error {
			return f.UpsertPermissions(ctx, directory.UserOf("al"), []byte(`{"/*":{"prohibit":["get"],"remove":true}}`))
		}, true},
		{"permission removed", func() error { return second(f.RemovePermission(ctx, directory.GroupOf("G"), "/x", "get")) }, false},
		{"permission upserted", func() error { return second(f.UpsertPermission(ctx, directory.GroupOf("G"), "/x", "*", true)) }, true},
		{"unlink", func() error { return second(f.UnlinkGroup(ctx, "G", "al")) }, false},
		{"link again", func() error { f.link("G", "al"); return nil }, true},
		{"group deleted", func() error { return second(f.DeleteGroup(ctx, "G")) }, false},
		{"group made again", func() error { f.group(`{"name":"G","permissions":{"/x":{"actions":["get"]}}}`); return nil }, false},
	}
	for _, step := range steps {
		require.NoError(t, step.do(), step.what)
		assert.Equal(t, step.may, may(), step.what)
		opened := open(t, f.store, options())
		assert.Equal(t, step.may, opened.may("al", security.Get, "/x"), "%s, after a start", step.what)
	}
	assert.False(t, account.Deleted())
	require.NoError(t, second(f.DeleteUser(ctx, "al")))
	assert.True(t, account.Deleted())
	_, ok := f.Account("al")
	assert.False(t, ok)
	assert.Equal(t, security.DeleteUser, f.last().What)
	assert.True(t, f.last().Deleted)
}

func TestANewUserInheritsNothing(t *testing.T) {
	f, ctx := newDirectory(t), t.Context()
	f.group(`{"name":"G","permissions":{"/g":{"actions":["get"]}}}`)
	for path, data := range map[string]string{ // what a crash may leave behind
		"_USER/al/_USER_GROUP/G":          `{}`,
		"_PERMISSIONS/_USER/al/get//x":    `{"action":"get","authorized":true,"path":"/x"}`,
		"_PERMISSIONS/_USER/al/b/get//x":  `{"action":"get","authorized":true,"path":"/x"}`, // of the user al/b
		"_PERMISSIONS/_USER/al/*/{{w}}":   `{"action":"*","authorized":true,"path":"*"}`,
		"_PERMISSIONS/_USER/al/wrong//zz": `{"action":"get","authorized":true,"path":"/x"}`,
	} {
		require.NoError(t, second(durable.Put(ctx, f.store, "/_SYSTEM/_SECURITY/"+path, []byte(data), time.UnixMilli(1))))
	}
	f = open(t, f.store, options())
	f.user(`{"username":"al","password":"p"}`)
	assert.False(t, f.may("al", security.Get, "/x"))
	assert.False(t, f.may("al", security.Get, "/g"))
	assert.Empty(t, f.Groups("al"))
	assert.NotContains(t, f.stored(), "_PERMISSIONS/_USER/al/*/{{w}}")
	assert.Contains(t, f.stored(), "_PERMISSIONS/_USER/al/b/get//x")
}

func TestGroupsBelowOthers(t *testing.T) {
	f := newDirectory(t)
	f.group(`{"name":"G1"}`)
	g, err := f.UpsertGroup(t.Context(), []byte(`{"name":"SUB","permissions":{"/s":{"actions":["get"]}}}`), "G1", true)
	require.NoError(t, err)
	assert.Equal(t, "G1", g.Parent)
	assert.Contains(t, f.stored(), "_GROUP/G1/SUB")
	assert.Contains(t, f.stored(), "_PERMISSIONS/SUB/get//s")
	f.user(`{"username":"al","password":"p"}`)
	f.link("G1/SUB", "al")
	assert.True(t, f.may("al", security.Get, "/s"))
	_, err = f.UpsertGroup(t.Context(), []byte(`{"name":"SUB"}`), "none", true)
	assert.ErrorContains(t, err, "parent group does not exist")
}

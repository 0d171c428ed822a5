package directory_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/security"
	"github.com/happn-host/happn-host/security/directory"
	"github.com/happn-host/happn-host/security/durable"
)

const root = "/_SYSTEM/_SECURITY/"

// behind stores documents behind the directory's back, "" removes them, and lets
// it observe that.
func (f *fixture) behind(path, data string) {
	f.t.Helper()
	if data == "" {
		require.NoError(f.t, second(durable.Remove(f.t.Context(), f.store, root+path)))
	} else {
		require.NoError(f.t, second(durable.Put(f.t.Context(), f.store, root+path, []byte(data), time.UnixMilli(2))))
	}
	require.NoError(f.t, f.Observe(f.t.Context(), root+path))
}

func TestWhatOthersChangeIsTakenIn(t *testing.T) {
	f := newDirectory(t)
	f.user(`{"username":"al","password":"p"}`)
	f.group(`{"name":"G"}`)
	account, _ := f.Account("al")
	id := account.User().ID
	for _, c := range []struct {
		path, data string
		what       string
		may        bool
	}{
		{"_USER/al/_USER_GROUP/G", `{}`, security.LinkGroup, false},
		{"_PERMISSIONS/G/get//x", `{"action":"get","authorized":true,"path":"/x"}`, security.PermissionUpserted, true},
		{"_PERMISSIONS/_USER/al/get//x", `{"action":"get","authorized":false,"path":"/x"}`, security.PermissionUpserted, false},
		{"_PERMISSIONS/_USER/al/get//x", ``, security.PermissionRemoved, true},
		{"_GROUP/G", `{"name":"G","n":1}`, security.UpsertGroup, true},
		{"_GROUP/G", ``, security.DeleteGroup, false},
		{"_GROUP/G", `{"name":"G"}`, security.UpsertGroup, true},
		{"_USER/al/_USER_GROUP/G", ``, security.UnlinkGroup, false},
		{"_USER/al", `{"username":"al","password":"other","userid":"` + id + `"}`, security.UpsertUser, false},
	} {
		f.behind(c.path, c.data)
		assert.Equal(t, c.what, f.last().What, "%s %s", c.path, c.data)
		assert.Equal(t, []string{"al"}, f.last().Users, c.path)
		assert.True(t, f.last().Reauthorize)
		assert.Equal(t, c.may, f.may("al", security.Get, "/x"), "%s %s", c.path, c.data)
	}
	assert.Equal(t, "other", account.PasswordHash())

	f.behind("_USER/al", `{"username":"al","password":"other","userid":"another"}`)
	assert.True(t, account.Deleted(), "somebody else by that name")
	assert.True(t, f.heard[len(f.heard)-2].Deleted)
	account, _ = f.Account("al")
	f.behind("_USER/al", ``)
	assert.True(t, account.Deleted())
	assert.True(t, f.last().Deleted)
}

func TestItsOwnChangesAreNoNews(t *testing.T) {
	f := newDirectory(t)
	f.user(`{"username":"al","password":"p","permissions":{"/x":{"actions":["*"]}}}`)
	f.group(`{"name":"G"}`)
	f.link("G", "al")
	require.NoError(t, f.UpsertLookupPermission(t.Context(), "G",
		security.LookupPermission{Regex: "a", Actions: []string{"get"}, Table: "T", Path: "/"}))
	told := len(f.heard)
	for path := range f.stored() {
		require.NoError(t, f.Observe(t.Context(), root+path))
	}
	require.NoError(t, f.Observe(t.Context(), "/elsewhere"))
	require.NoError(t, f.Observe(t.Context(), "/elsewhere/*"))
	require.NoError(t, f.Observe(t.Context(), root+"SESSION_TOKEN_SECRET"))
	assert.Empty(t, f.heard[told:])
}

func TestAPatternIsReadAnew(t *testing.T) {
	f := newDirectory(t)
	f.user(`{"username":"al","password":"p"}`)
	f.user(`{"username":"bob","password":"p"}`)
	al, _ := f.Account("al")
	bob, _ := f.Account("bob")
	require.NoError(t, second(durable.Remove(t.Context(), f.store, root+"_USER/al")))
	require.NoError(t, f.Observe(t.Context(), "/_SYSTEM/*"))
	assert.True(t, al.Deleted())
	assert.False(t, bob.Deleted())
	again, _ := f.Account("bob")
	assert.Same(t, bob, again)
	assert.True(t, f.last().All)
	assert.Equal(t, []string{"al"}, f.heard[len(f.heard)-2].Users)
	assert.True(t, f.heard[len(f.heard)-2].Deleted)
}

// refusing is a store that refuses writes below a path.
type refusing struct {
	datastore.Store
	path string
}

var errRefused = errors.New("the disk is full")

func (r *refusing) Write(ctx context.Context, w *datastore.Write, done datastore.Written) {
	if r.path != "" && string(w.Path) == root+r.path {
		done.Written(nil, errRefused)
		return
	}
	r.Store.Write(ctx, w, done)
}

func TestWhatIsNotStoredDoesNotTakeEffect(t *testing.T) {
	store := &refusing{Store: newStore(t)}
	f := open(t, store, options())
	f.user(`{"username":"al","password":"p"}`)
	told := len(f.heard)

	store.path = "_USER/bob"
	_, err := f.UpsertUser(t.Context(), []byte(`{"username":"bob","password":"p"}`), true)
	assert.ErrorIs(t, err, errRefused)
	_, ok := f.Account("bob")
	assert.False(t, ok)

	store.path = "_PERMISSIONS/_USER/al/get//x"
	_, err = f.UpsertPermission(t.Context(), directory.UserOf("al"), "/x", "get", true)
	assert.ErrorIs(t, err, errRefused)
	assert.False(t, f.may("al", security.Get, "/x"))

	store.path = "_USER/al"
	done, err := f.SetPassword(t.Context(), "al", "new", "")
	assert.ErrorIs(t, err, errRefused)
	assert.False(t, done)
	account, _ := f.Account("al")
	assert.Equal(t, "hash of p", account.PasswordHash())
	assert.Empty(t, f.heard[told:])
}

package directory_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/security"
)

func TestListsTakeWhatAGetTakes(t *testing.T) {
	f := newDirectory(t)
	for _, raw := range []string{
		`{"username":"al","password":"p","custom_data":{"age":3}}`,
		`{"username":"a/b","password":"p","custom_data":{"age":2}}`,
		`{"username":"bob","password":"p","custom_data":{"age":1}}`,
	} {
		f.user(raw)
	}
	f.group(`{"name":"G1","custom_data":{"x":1}}`)
	f.group(`{"name":"G2"}`)
	_, err := f.UpsertGroup(t.Context(), []byte(`{"name":"SUB"}`), "G1", true)
	require.NoError(t, err)
	f.link("G1", "bob")
	f.link("G1", "al")
	f.link("G2", "al")

	users := func(pattern, options string) (names []string) {
		found, err := f.Users(t.Context(), pattern, []byte(options))
		require.NoError(t, err)
		for _, u := range found {
			names = append(names, u.Name)
		}
		return names
	}
	assert.Equal(t, []string{"a/b", "al"}, users("a", `{}`))
	assert.Equal(t, []string{"_ADMIN", "a/b", "al", "bob"}, users("*", `null`))
	assert.Equal(t, []string{"bob"}, users("*ob", `{}`))
	assert.Equal(t, []string{"bob", "a/b"}, users("*", `{"criteria":{"custom_data.age":{"$lt":3}},"sort":{"custom_data.age":1}}`))
	assert.Equal(t, []string{"al"}, users("*", `{"sort":{"custom_data.age":-1},"limit":1}`))
	assert.Equal(t, []string{"bob"}, users("*", `{"options":{"skip":3}}`))
	assert.Empty(t, users("*", `{"criteria":{"password":{"$exists":true}}}`), "no criterion sees a password")
	for _, wrong := range []string{`{"criteria":{"$what":1}}`, `{`} {
		_, err := f.Users(t.Context(), "*", []byte(wrong))
		assert.Error(t, err)
	}

	groups := func(pattern, options string) (names []string) {
		found, err := f.ListGroups(t.Context(), pattern, []byte(options))
		require.NoError(t, err)
		for _, g := range found {
			names = append(names, g.Name)
		}
		return names
	}
	assert.Equal(t, []string{"G1", "SUB", "G2"}, groups("G", `{}`))
	assert.Equal(t, []string{"G1"}, groups("*", `{"criteria":{"custom_data.x":1}}`))

	of, err := f.UsersOf(t.Context(), "G1", []byte(`{"criteria":{"custom_data.age":3}}`))
	require.NoError(t, err)
	require.Len(t, of, 1)
	assert.Equal(t, "al", of[0].Name)
	none, err := f.UsersOf(t.Context(), "none", nil)
	require.NoError(t, err)
	assert.Empty(t, none)
	assert.Equal(t, []string{"al", "bob"}, f.UserNamesOf("G1"))
	assert.Equal(t, []string{"al", "bob"}, f.UserNamesOf("G*"))
	assert.Equal(t, []string{"G1", "G2"}, f.Groups("al"))
	assert.True(t, f.Belongs("al", "G1", "G2"))
	assert.False(t, f.Belongs("bob", "G1", "G2"))
	assert.False(t, f.Belongs("bob"))
	assert.False(t, f.Belongs("none", "G1"))
}

func TestCaseDoesNotCountWhereThatIsWanted(t *testing.T) {
	o := options()
	o.CaseInsensitive, o.CaseInsensitiveExcept = true, []string{"Keep"}
	f := open(t, newStore(t), o)
	f.user(`{"username":"Bob","password":"p","permissions":{"/x":{"actions":["get"]}}}`)
	f.user(`{"username":"Keep","password":"p"}`)
	for _, name := range []string{"bob", "BOB", "Bob", "Keep", "_ADMIN"} {
		_, ok := f.Account(name)
		assert.True(t, ok, name)
	}
	_, ok := f.Account("keep")
	assert.False(t, ok)
	assert.Contains(t, f.stored()["_USER/bob"], `"username":"bob"`)
	assert.True(t, f.may("BOB", security.Get, "/x"))
	require.NoError(t, second(f.DeleteUser(t.Context(), "BOB")))
	_, ok = newDirectory(t).Account("_admin")
	assert.False(t, ok)
}

func TestPermissionsOfGroupsMayBeKeptInMemoryOnly(t *testing.T) {
	o := options()
	o.VolatilePermissions = true
	f := open(t, newStore(t), o)
	f.user(`{"username":"al","password":"p","permissions":{"/own":{"actions":["get"]}}}`)
	f.group(`{"name":"G","permissions":{"/x":{"actions":["get"]},"/y":{"actions":["get"]}}}`)
	f.link("G", "al")
	assert.NotContains(t, f.stored(), "_PERMISSIONS/G/get//x")
	assert.True(t, f.may("al", security.Get, "/x"))
	require.NoError(t, f.Reload(t.Context()))
	assert.True(t, f.may("al", security.Get, "/x"), "until the end")

	again := open(t, f.store, o)
	assert.False(t, again.may("al", security.Get, "/x"))
	assert.True(t, again.may("al", security.Get, "/own"))
	assert.True(t, again.may("_ADMIN", security.Get, "/x"))
}

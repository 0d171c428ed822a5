package plugin_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/answer"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
	"github.com/happn-host/happn-host/host/plugin/manifest"
)

// deciding is a module whose hook of a kind gives one verdict.
func deciding(t testing.TB, export string, v abi.Verdict, out []byte, manifest string) []byte {
	t.Helper()
	m := &asm.Module{}
	bare(m)
	m.Func(export, asm.I32, asm.I64, asm.I32, verdict(v, output, uint32(len(out))))
	m.Data(output, out)
	return withManifest(t, m.Bytes(), manifest)
}

// trapping is one whose hook traps.
func trapping(t testing.TB, export, manifest string) []byte {
	t.Helper()
	m := &asm.Module{}
	bare(m)
	m.Func(export, asm.I32, asm.I64, asm.I32, asm.Unreachable)
	return withManifest(t, m.Bytes(), manifest)
}

const (
	profileManifest = `{"hooks":[{"kind":"profile"}]}`
	authManifest    = `{"hooks":[{"kind":"auth","provider":"key"}]}`
)

func data(t testing.TB, text string) []byte {
	t.Helper()
	return record(t, abi.Record{Kind: abi.KindSession, Data: []byte(text)})
}

func anything([]byte) error { return nil }

func applicant() plugin.Applicant {
	return plugin.Applicant{Record: []byte(`{"type":1,"user":{"username":"ada"}}`), Username: "ada", ID: "session-1", Address: "10.0.0.1"}
}

func TestAProfileHookGivesPolicies(t *testing.T) {
	bad := errors.New("no such policy")
	for name, c := range map[string]struct {
		module  []byte
		check   func([]byte) error
		policy  string
		refusal *answer.Refusal
		fault   string
	}{
		"pass":      {module: deciding(t, abi.ExportProfile, abi.VerdictPass, nil, profileManifest)},
		"a policy":  {module: deciding(t, abi.ExportProfile, abi.VerdictReplace, data(t, `{"ttl":1}`), profileManifest), policy: `{"ttl":1}`},
		"a text":    {module: deciding(t, abi.ExportProfile, abi.VerdictReject, []byte("closed"), profileManifest), refusal: &answer.Refusal{Message: "closed"}},
		"an error":  {module: deciding(t, abi.ExportProfile, abi.VerdictReject, []byte(`{"name":"Closed","code":423,"message":"until 8"}`), profileManifest), refusal: &answer.Refusal{Name: "Closed", Code: 423, Message: "until 8"}},
		"no policy": {module: deciding(t, abi.ExportProfile, abi.VerdictReplace, record(t, abi.Record{Kind: abi.KindSession}), profileManifest), fault: "the policy is missing"},
		"no record": {module: deciding(t, abi.ExportProfile, abi.VerdictReplace, []byte("x"), profileManifest), fault: "verdict replace"},
		"no JSON":   {module: deciding(t, abi.ExportProfile, abi.VerdictReplace, data(t, `{"ttl":`), profileManifest), fault: `section "data"`},
		"what means nothing": {module: deciding(t, abi.ExportProfile, abi.VerdictReplace, data(t, `{}`), profileManifest),
			check: func([]byte) error { return bad }, fault: "no such policy"},
		"a failure":       {module: deciding(t, abi.ExportProfile, abi.VerdictError, []byte("no clock"), profileManifest), fault: "hook failed: no clock"},
		"a trap":          {module: trapping(t, abi.ExportProfile, profileManifest), fault: "unreachable"},
		"a layer's drop":  {module: deciding(t, abi.ExportProfile, abi.VerdictDrop, nil, profileManifest), fault: "returned the verdict drop, which a hook of kind profile cannot give"},
		"a layer's close": {module: deciding(t, abi.ExportProfile, abi.VerdictClose, nil, profileManifest), fault: "cannot give"},
		"a layer's patch": {module: deciding(t, abi.ExportProfile, abi.VerdictPatch, data(t, `{}`), profileManifest), fault: "cannot give"},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, nil)
			f.put("p.wasm", c.module)
			require.Len(t, f.Profiles(), 1, "%+v", f.List())
			require.Equal(t, "p", f.Profiles()[0].Name())
			check := c.check
			if check == nil {
				check = anything
			}
			policy, err := f.Profiles()[0].Ask(t.Context(), applicant(), check)
			var said *answer.Refusal
			switch {
			case c.refusal != nil:
				require.ErrorAs(t, err, &said)
				require.Equal(t, c.refusal, said)
			case c.fault != "":
				require.ErrorContains(t, err, c.fault)
				require.False(t, errors.As(err, &said), "a fault is the operator's to read")
				require.Contains(t, f.only().LastError, c.fault)
				f.put("p.yaml", []byte("on_error: pass"))
				_, err = f.Profiles()[0].Ask(t.Context(), applicant(), check)
				require.ErrorContains(t, err, c.fault, "logins fail closed")
			default:
				require.NoError(t, err)
			}
			require.Equal(t, c.policy, string(policy))
		})
	}
}

// echo answers with the record that it is shown, as the text of an error.
func echo(t testing.TB, export, manifest string) []byte {
	t.Helper()
	m := &asm.Module{}
	bare(m)
	m.Func(export, asm.I32, asm.I64, asm.I32, asm.I64Const(int64(abi.Pack(abi.VerdictReject, buffer, 0))), asm.LocalGet(0), []byte{0xad}, asm.I64Add)
	return withManifest(t, m.Bytes(), manifest)
}

func TestHooksOfLoginsSeeWhoLogsIn(t *testing.T) {
	f := open(t, nil)
	f.put("p.wasm", echo(t, abi.ExportProfile, profileManifest))
	_, err := f.Profiles()[0].Ask(t.Context(), applicant(), anything)
	require.ErrorContains(t, err, `{"type":1,"user":{"username":"ada"}}`)
	require.ErrorContains(t, err, "session-1")
	require.ErrorContains(t, err, "10.0.0.1")

	f.put("k.wasm", echo(t, abi.ExportAuth, authManifest))
	f.put("k.yaml", []byte(`hooks: [{kind: auth, users: ["*"]}]`))
	_, err = f.Provider("key").Ask(t.Context(), plugin.Question{Operation: abi.OperationRevoke, Data: []byte(`{"username":"ada"}`), Username: "ada"})
	require.ErrorContains(t, err, `{"operation":"revoke"}`)
	require.NotContains(t, f.log.String(), "ada", "what is asked is not logged")
}

func TestAnAuthHookNamesWhoLogsIn(t *testing.T) {
	for name, c := range map[string]struct {
		module   []byte
		mine     bool
		username string
		rejected bool
		fault    string
	}{
		"pass":           {module: deciding(t, abi.ExportAuth, abi.VerdictPass, nil, authManifest)},
		"a user":         {module: deciding(t, abi.ExportAuth, abi.VerdictReplace, data(t, `{"username":"device-1"}`), authManifest), mine: true, username: "device-1"},
		"wrong":          {module: deciding(t, abi.ExportAuth, abi.VerdictReject, nil, authManifest), rejected: true},
		"nobody":         {module: deciding(t, abi.ExportAuth, abi.VerdictReplace, data(t, `{"username":""}`), authManifest), fault: "the username is missing"},
		"nothing":        {module: deciding(t, abi.ExportAuth, abi.VerdictReplace, record(t, abi.Record{}), authManifest), fault: "the data must be"},
		"more":           {module: deciding(t, abi.ExportAuth, abi.VerdictReplace, data(t, `{"username":"a","groups":["_ADMIN"]}`), authManifest), fault: `unknown field "groups"`},
		"a name with *":  {module: deciding(t, abi.ExportAuth, abi.VerdictReplace, data(t, `{"username":"_AD*MIN"}`), authManifest), fault: "none that a user can have"},
		"a list":         {module: deciding(t, abi.ExportAuth, abi.VerdictReplace, data(t, `["a"]`), authManifest), fault: "the data must be"},
		"a trap":         {module: trapping(t, abi.ExportAuth, authManifest), fault: "unreachable"},
		"a layer's drop": {module: deciding(t, abi.ExportAuth, abi.VerdictDrop, nil, authManifest), fault: "cannot give"},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, nil)
			f.put("p.yaml", []byte(`hooks: [{kind: auth, users: ["device-*", _ADMIN], createUsers: {groups: [devices]}}]`))
			f.put("p.wasm", c.module)
			require.Nil(t, f.Provider("other"))
			require.NotNil(t, f.Provider("key"), "%+v", f.List())
			login := plugin.Question{Operation: abi.OperationLogin, Data: []byte(`{"username":"x","password":"secret"}`), Username: "x"}
			said, err := f.Provider("key").Ask(t.Context(), login)
			require.Equal(t, c.rejected, errors.As(err, new(*answer.Refusal)))
			switch {
			case c.fault != "":
				require.ErrorContains(t, err, c.fault)
				require.NotContains(t, f.log.String(), "secret")
			case !c.rejected:
				require.NoError(t, err)
			}
			require.Equal(t, c.mine, said.Mine)
			require.Equal(t, c.username, said.Username)
			groups, makes := said.NewUser()
			require.Equal(t, c.mine, makes)
			if c.mine {
				require.Equal(t, []string{"devices"}, groups)
				require.True(t, said.MayBe("device-1"))
				require.True(t, said.MayBe("_ADMIN"))
			}
			require.False(t, said.MayBe("ada"))
		})
	}
}

func TestPluginsOfOneKindAreAskedInOrder(t *testing.T) {
	f := open(t, nil)
	f.put("a.yaml", []byte(`hooks: [{kind: auth, users: ["*"], order: 2}]`))
	f.put("a.wasm", deciding(t, abi.ExportAuth, abi.VerdictReplace, data(t, `{"username":"a"}`), authManifest))
	f.put("b.yaml", []byte(`hooks: [{kind: auth, users: [b], order: 1}]`))
	f.put("b.wasm", deciding(t, abi.ExportAuth, abi.VerdictReplace, data(t, `{"username":"b"}`), authManifest))
	ask := func() plugin.Answer {
		answer, err := f.Provider("key").Ask(t.Context(), plugin.Question{Operation: abi.OperationLogin, Data: []byte(`{}`)})
		require.NoError(t, err)
		return answer
	}
	answer := ask()
	require.Equal(t, "b", answer.Username)
	require.False(t, answer.MayBe("a"), "each has its own users")
	f.put("b.wasm", deciding(t, abi.ExportAuth, abi.VerdictPass, nil, authManifest))
	answer = ask()
	require.Equal(t, "a", answer.Username)
	require.True(t, answer.MayBe("x"))
	require.False(t, answer.MayBe("_ADMIN"), "who must be named")
}

// Credentials of a kind must not come before somebody else because its plugin
// cannot run.
func TestAProviderThatCannotRunIsStillThere(t *testing.T) {
	f := open(t, nil)
	f.put("p.wasm", deciding(t, abi.ExportAuth, abi.VerdictPass, nil, authManifest))
	require.Equal(t, plugin.StateRefused, f.only().State)
	require.Contains(t, f.only().Reason, `p.yaml: hooks: an auth hook needs users`)
	p := f.Provider("key")
	require.NotNil(t, p)
	_, err := p.Ask(t.Context(), plugin.Question{Operation: abi.OperationLogin, Data: []byte(`{}`)})
	require.ErrorContains(t, err, "plugin p: auth: the plugin does not run")
	f.put("p.yaml", []byte("enabled: false"))
	require.Nil(t, f.Provider("key"), "the operator has switched it off")
}

func TestManifestsOfAuthHooksAreChecked(t *testing.T) {
	for content, says := range map[string]string{
		`{"hooks":[{"kind":"auth","provider":"happn"}]}`:    `m: hooks[0].provider: "happn" is the host's own`,
		`{"hooks":[{"kind":"auth","provider":"a b"}]}`:      `m: hooks[0].provider: "a b" must begin with a letter`,
		`{"hooks":[{"kind":"auth","user":"a"}]}`:            `m: hooks[0].user: unknown key`,
		`{"hooks":[{"kind":"profile","provider":"a"}]}`:     `m: hooks[0].provider: unknown key`,
		`{"hooks":[{"kind":"auth","createUsers":{"g":1}}]}`: `m: hooks[0].createUsers.g: unknown key`,
	} {
		_, err := manifest.Parse("m", []byte(content))
		require.ErrorContains(t, err, says, content)
	}
	f := open(t, nil)
	f.put("p.yaml", []byte(`hooks: [{kind: auth, users: ["*"]}]`))
	f.put("p.wasm", deciding(t, abi.ExportAuth, abi.VerdictPass, nil, `{"hooks":[{"kind":"auth"}]}`))
	require.Contains(t, f.only().Reason, "p.wasm: hooks: an auth hook needs provider")
	f.put("p.yaml", []byte(`hooks: [{kind: auth, provider: mine, users: ["*"]}]`))
	require.Equal(t, plugin.StateReady, f.only().State, f.only().Reason)
	require.NotNil(t, f.Provider("mine"))
}

// What only an operator may say counts for nothing in a module.
func TestAModuleDoesNotNameItsOwnUsers(t *testing.T) {
	f := open(t, nil)
	f.put("p.wasm", deciding(t, abi.ExportAuth, abi.VerdictPass, nil, `{"hooks":[{"kind":"auth","provider":"key","users":["*"],"createUsers":{"groups":["_ADMIN"]}}]}`))
	require.Equal(t, plugin.StateRefused, f.only().State)
	require.Contains(t, f.only().Reason, `needs users`)
}

func BenchmarkLoginHooks(b *testing.B) {
	f := open(b, nil)
	b.Run("no plugins", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if f.Profiles() != nil {
				b.Fatal("there is one")
			}
		}
	})
	f.put("p.wasm", deciding(b, abi.ExportProfile, abi.VerdictReplace, data(b, `{"ttl":1}`), profileManifest))
	f.put("k.yaml", []byte(`hooks: [{kind: auth, users: ["*"]}]`))
	f.put("k.wasm", deciding(b, abi.ExportAuth, abi.VerdictReplace, data(b, `{"username":"a"}`), authManifest))
	b.Run("profile", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := f.Profiles()[0].Ask(b.Context(), applicant(), anything); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("auth", func(b *testing.B) {
		q := plugin.Question{Operation: abi.OperationLogin, Data: []byte(`{"username":"x","password":"y"}`), Username: "x"}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := f.Provider("key").Ask(b.Context(), q); err != nil {
				b.Fatal(fmt.Errorf("ask: %w", err))
			}
		}
	})
}

func TestWhatOnErrorMaySay(t *testing.T) {
	for name, c := range map[string]struct {
		module []byte
		file   string // the operator's
		says   string // when it is refused
	}{
		"a layer passes":                {trapping(t, abi.ExportInbound, `{}`), "hooks: [{kind: inbound, on_error: pass}]", ""},
		"a login, by its own entry":     {trapping(t, abi.ExportProfile, profileManifest), "hooks: [{kind: profile, on_error: pass}]", "p.wasm or p.yaml: hooks: profile: on_error: pass is not for this kind, which always does the same: reject; leave it out"},
		"a login, by the module":        {trapping(t, abi.ExportProfile, `{"hooks":[{"kind":"profile","on_error":"pass"}]}`), "", "hooks: profile: on_error: pass"},
		"a login, for the whole plugin": {trapping(t, abi.ExportProfile, profileManifest), "on_error: pass", ""},
		"a provider, by its own entry":  {trapping(t, abi.ExportAuth, authManifest), "hooks: [{kind: auth, users: ['*'], on_error: pass}]", "hooks: auth: on_error: pass"},
		"a search, by its own entry":    {trapping(t, abi.ExportSearch, `{"hooks":[{"kind":"search","queries":["q"]}]}`), "hooks: [{kind: search, on_error: close}]", "hooks: search: on_error: close"},
		"a search, for a whole plugin":  {trapping(t, abi.ExportSearch, `{"hooks":[{"kind":"search","queries":["q"]}]}`), "on_error: close", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, nil)
			f.put("p.yaml", []byte(c.file))
			f.put("p.wasm", c.module)
			if c.says != "" {
				require.Equal(t, plugin.StateRefused, f.only().State)
				require.Contains(t, f.only().Reason, c.says)
				return
			}
			require.Equal(t, plugin.StateReady, f.only().State, f.only().Reason)
		})
	}
}

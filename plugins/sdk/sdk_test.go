//go:build !wasip1

package sdk_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/plugins/sdk"
	"github.com/happn-host/happn-host/plugins/sdk/sdktest"
)

func message() abi.Record {
	return abi.Record{
		Kind: abi.KindRequest, Action: abi.ActionSet, EventID: 5, Path: []byte("/a"), Data: []byte(`{"n":1}`),
		Options: []byte(`{"merge":true}`), Meta: []byte(`{}`), SessionID: []byte("s"), Username: []byte("u"),
		Protocol: []byte("happn_4"), Channel: []byte("/ALL@/a"), Address: []byte("1.2.3.4:5"),
	}
}

func TestAHookSeesTheWholeMessage(t *testing.T) {
	want := message()
	p := sdktest.Native(t, sdk.Plugin{Inbound: func(m *sdk.Message) sdk.Verdict {
		require.Equal(t, want.Kind, m.Kind())
		require.Equal(t, want.Action, m.Action())
		require.Equal(t, want.EventID, m.EventID())
		for got, want := range map[string][]byte{
			string(m.Path()): want.Path, string(m.Data()): want.Data, string(m.Options()): want.Options, string(m.Meta()): want.Meta,
			string(m.SessionID()): want.SessionID, string(m.Username()): want.Username, string(m.Protocol()): want.Protocol,
			string(m.Channel()): want.Channel, string(m.Address()): want.Address,
		} {
			require.Equal(t, string(want), got)
		}
		require.Nil(t, m.Error())
		return sdk.Pass()
	}}, "")
	require.Equal(t, abi.VerdictPass, p.Inbound(want).Verdict)
}

func TestVerdicts(t *testing.T) {
	for name, c := range map[string]struct {
		hook    sdk.Hook
		verdict abi.Verdict
		change  func(*abi.Record)
		err     string
	}{
		"pass":  {func(*sdk.Message) sdk.Verdict { return sdk.Pass() }, abi.VerdictPass, func(*abi.Record) {}, ""},
		"drop":  {func(*sdk.Message) sdk.Verdict { return sdk.Drop() }, abi.VerdictDrop, func(*abi.Record) {}, ""},
		"no":    {func(*sdk.Message) sdk.Verdict { return sdk.Reject("no") }, abi.VerdictReject, func(r *abi.Record) { r.Error = []byte("no") }, ""},
		"close": {func(*sdk.Message) sdk.Verdict { return sdk.Close("bye") }, abi.VerdictClose, func(r *abi.Record) { r.Error = []byte("bye") }, ""},
		"change": {func(m *sdk.Message) sdk.Verdict {
			m.SetData([]byte("2"))
			m.SetPath([]byte("/b"))
			m.SetOptions([]byte("{}"))
			m.SetMeta([]byte(`{"x":1}`))
			if string(m.Data()) != "2" || string(m.Path()) != "/b" {
				return sdk.Fail("a change must be visible")
			}
			return sdk.Pass()
		}, abi.VerdictPatch, func(r *abi.Record) {
			r.Data, r.Path, r.Options, r.Meta = []byte("2"), []byte("/b"), []byte("{}"), []byte(`{"x":1}`)
		}, ""},
		"fail":    {func(*sdk.Message) sdk.Verdict { return sdk.Fail("why") }, abi.VerdictError, func(*abi.Record) {}, "why"},
		"nothing": {func(*sdk.Message) sdk.Verdict { return sdk.Verdict{} }, abi.VerdictError, func(*abi.Record) {}, "sdk.Pass()"},
		"panic":   {func(*sdk.Message) sdk.Verdict { panic(errors.New("oh")) }, abi.VerdictError, func(*abi.Record) {}, "panic: oh"},
		"no hook": {nil, abi.VerdictPass, func(*abi.Record) {}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := sdktest.Native(t, sdk.Plugin{Inbound: c.hook}, "")
			for range 2 { // nothing of a message may leak into the next
				r := p.Inbound(message())
				want := message()
				c.change(&want)
				require.Equal(t, c.verdict, r.Verdict)
				require.Equal(t, want, r.Message)
				if c.err != "" {
					require.ErrorContains(t, r.Err, c.err)
				} else {
					require.NoError(t, r.Err)
				}
			}
			if name == "panic" {
				require.Contains(t, p.Log(), "sdk_test.go", "the trace leads to the panic")
			}
		})
	}
}

func TestConfigurationIsRefusedByErrorAndByPanic(t *testing.T) {
	refuses := sdk.Plugin{Init: func([]byte) error { return errors.New("no") }}
	require.False(t, refuses.Configure(nil))
	panics := sdk.Plugin{Init: func([]byte) error { panic("no") }}
	require.False(t, panics.Configure(nil))
	none := sdk.Plugin{}
	require.True(t, none.Configure(nil))
}

func TestPassingAMessageOnCostsNoGarbage(t *testing.T) {
	r := sdk.Runner{Plugin: sdk.Plugin{Inbound: func(m *sdk.Message) sdk.Verdict {
		if len(m.Data()) == 0 {
			return sdk.Drop()
		}
		m.SetData(m.Path())
		return sdk.Pass()
	}}}
	rec := message()
	input := make([]byte, rec.Size())
	_, err := rec.Encode(input)
	require.NoError(t, err)
	require.Zero(t, testing.AllocsPerRun(100, func() { r.Inbound(input) }))
}

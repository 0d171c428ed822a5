package plugin_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/hook"
)

// stranger speaks for connections by whatever bytes, in one of its hooks.
type stranger struct {
	export  string
	verdict abi.Verdict
	output  []byte
	hungUp  chan abi.ConnReason
}

func (s *stranger) Speak(export string, _ uint64, _ *abi.Record) (abi.Verdict, []byte) {
	if export == s.export {
		return s.verdict, append([]byte{}, s.output...)
	}
	return abi.VerdictPass, nil
}

func (s *stranger) HangUp(_ uint64, reason abi.ConnReason) { s.hungUp <- reason }

// FuzzEmitted has hooks of connections give whatever bytes, and expects that the
// connection then either works or ends, once and for a reason.
func FuzzEmitted(f *testing.F) {
	for _, list := range [][]byte{
		records(sends("x"), options(`{"keep":3}`)), records(options(`{"timer":{"id":1,"ms":0}}`)), records(asks("/a"), asks("!")),
		records(abi.Record{Kind: abi.KindConnection, Action: abi.ActionDisconnect, Error: []byte("bye")}), {1, 0, 0, 0, 1}, nil,
	} {
		for at := range uint8(3) {
			f.Add(at, uint8(abi.VerdictEmit), list)
		}
	}
	f.Add(uint8(1), uint8(abi.VerdictNeedMore), []byte(nil))
	f.Add(uint8(2), uint8(abi.VerdictClose), []byte{0xff})
	exports := []string{abi.ExportConnOpen, abi.ExportConnData, abi.ExportConnEvent}
	endpoint := hook.Endpoint{Name: "p", TCP: "127.0.0.1:1"}
	f.Fuzz(func(t *testing.T, at, verdict uint8, output []byte) {
		s := &stranger{export: exports[int(at)%len(exports)], verdict: abi.Verdict(verdict % 16), output: output, hungUp: make(chan abi.ConnReason, 2)}
		board := &switchboard{}
		one := &talk{over: make(chan struct{})}
		board.talks = append(board.talks, one)
		all := plugin.NewConnections("p", board, s)
		defer all.Close()
		one.conn = all.Open(endpoint, peerWire{one}, plugin.Arrival{IP: "127.0.0.1", Port: 1})
		one.say("abc")
		one.publish("/x")
		one.conn.Closed(nil)
		select {
		case <-one.over:
		case <-time.After(10 * time.Second):
			t.Fatal("the connection does not end")
		}
		require.NotZero(t, <-s.hungUp)
	})
}

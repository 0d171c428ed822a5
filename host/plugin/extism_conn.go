package plugin

import (
	"encoding/binary"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/hook"
)

// converse implements guest. Where raw hooks have the connection's number for an
// argument, it stands before the record, in 8 bytes.
func (g *extismGuest) converse(export int, conn uint64, rec *abi.Record) (verdict abi.Verdict, output []byte, err error) {
	g.host.from = nil
	return g.ask(hook.RulesAt(hook.PlaceProtocol).Exports[export], connNumber(conn), g.shown(g.gen.hooks[hook.PlaceProtocol], rec))
}

// hangUp implements guest. The reason is the event id of a record; the verdict says
// nothing.
func (g *extismGuest) hangUp(conn uint64, reason abi.ConnReason) error {
	g.host.from = nil
	over := abi.Record{Kind: abi.KindConnection, Action: abi.ActionDisconnect, EventID: uint64(reason)}
	_, _, err := g.ask(hook.RulesAt(hook.PlaceProtocol).Exports[connClose], connNumber(conn), &over)
	return err
}

// is implements guest.
func (g *extismGuest) is(other *instance) bool { return &g.instance == other }

func connNumber(conn uint64) []byte { return binary.LittleEndian.AppendUint64(nil, conn) }

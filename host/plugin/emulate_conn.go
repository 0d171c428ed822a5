package plugin

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/answer"
	"github.com/happn-host/happn-host/host/plugin/hook"
	"github.com/happn-host/happn-host/host/plugin/limit"
)

// Speaker speaks for connections in an emulator, in place of a module. Its methods
// are called by several goroutines.
type Speaker interface {
	// Speak shows a record to abi.ExportConnOpen, ExportConnData or
	// ExportConnEvent.
	Speak(export string, conn uint64, rec *abi.Record) (verdict abi.Verdict, output []byte)
	// HangUp calls abi.ExportConnClose.
	HangUp(conn uint64, reason abi.ConnReason)
}

// Connections are those of an emulator.
type Connections struct {
	protocols *protocols
	plugin    *plugin
	name      string
	speaker   Speaker
	limits    limit.Set
}

// NewConnections returns the connections that s speaks for, for emulators.
func NewConnections(name string, n Network, s Speaker) *Connections {
	o := Options{Network: n, Logger: slog.New(slog.DiscardHandler)}.ensureDefaults()
	return &Connections{protocols: newProtocols(&o), plugin: &plugin{}, name: name, speaker: s, limits: o.Limits}
}

// Open opens a connection to an endpoint.
func (c *Connections) Open(e hook.Endpoint, w Wire, from Arrival) *Connection {
	conn := &Connection{
		protocol: c.protocols, plugin: c.plugin, name: c.name, endpoint: e, from: from, wire: w, speaker: emulated{c.speaker, &c.limits},
	}
	conn.begin()
	return conn
}

// Close ends all connections.
func (c *Connections) Close() { c.protocols.close() }

func (c *Connections) with(conn uint64, do func(c *Connection)) error {
	found := c.protocols.find(conn)
	if found == nil {
		return fmt.Errorf("%w: connection %d", abi.ErrnoNotFound, conn)
	}
	do(found)
	return nil
}

// Send does what the import conn_send does.
func (c *Connections) Send(conn uint64, flags uint8, b []byte) error {
	return c.with(conn, func(c *Connection) { c.send(b, flags&abi.FlagText != 0) })
}

// End does what the import conn_close does.
func (c *Connections) End(conn uint64, reason string) error {
	return c.with(conn, func(c *Connection) { c.end(abi.ConnClosedByPlugin, reason) })
}

// Save does what the import conn_state does.
func (c *Connections) Save(conn uint64, state []byte) error {
	return c.with(conn, func(c *Connection) { c.save(state) })
}

// SetTimer does what the import conn_timer does.
func (c *Connections) SetTimer(conn uint64, number int32, ms int64) error {
	var err error
	if gone := c.with(conn, func(c *Connection) { err = c.setTimer(number, time.Duration(ms)*time.Millisecond) }); gone != nil {
		return gone
	}
	return err
}

// Connect opens a connection to the first endpoint of any plugin, for emulators.
func (m *Manager) Connect(w Wire, from Arrival) (*Connection, hook.Endpoint, error) {
	for _, b := range m.lists.Load().hooks[hook.PlaceProtocol] {
		if h := b.hook(); h != nil {
			e := h.hook.Protocol.Listen[0]
			c, err := m.protocols.accept(b.plugin, e.Place(), w, from)
			return c, e, err
		}
	}
	return nil, hook.Endpoint{}, errGone
}

// emulated makes a speaker of an emulator's.
type emulated struct {
	Speaker
	bounds *limit.Set
}

// limits implements speaker.
func (e emulated) limits() *limit.Set { return e.bounds }

// speak implements speaker.
func (e emulated) speak(export int, conn uint64, rec *abi.Record) (abi.Verdict, []byte, error) {
	verdict, output := e.Speak(hook.RulesAt(hook.PlaceProtocol).Exports[export], conn, rec)
	return verdict, output, answer.Check(hook.PlaceProtocol, verdict)
}

// hangUp implements speaker.
func (e emulated) hangUp(conn uint64, reason abi.ConnReason) { e.HangUp(conn, reason) }

// failed implements speaker.
func (emulated) failed(abi.Verdict, error) {}

// tell implements speaker.
func (emulated) tell(error) {}

// onError implements speaker.
func (emulated) onError() hook.OnError { return hook.OnErrorClose }

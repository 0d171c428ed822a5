package sdk

import (
	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/plugins/sdk/internal/hostcall"
)

// Message is a request, a response or a publication. What its methods return
// aliases the plugin's input buffer: it is valid until the hook returns and must
// not be changed in place. A section that the message does not have is nil.
type Message struct {
	record  abi.Record
	patch   abi.Record
	changed bool
	payload []byte // data that was fetched, kept for its capacity
}

// decode starts over with another record.
func (m *Message) decode(input []byte) error {
	if m.changed {
		m.patch, m.changed = abi.Record{}, false
	}
	return m.record.Decode(input)
}

// Kind says what the message is.
func (m *Message) Kind() abi.Kind { return m.record.Kind }

// Action says what is asked for, or what the response or publication comes from.
func (m *Message) Action() abi.Action { return m.record.Action }

// EventID is the request's number, which its response carries too.
func (m *Message) EventID() uint64 { return m.record.EventID }

// Path is the path; for `on` and `off` it is the channel, such as /ALL@/a/*.
func (m *Message) Path() []byte { return current(m.record.Path, m.patch.Path) }

// Data is the document, or a list of them for a wildcard get, as JSON. A plugin
// whose manifest says `data: lazy` pays for it here, once.
func (m *Message) Data() []byte {
	if m.patch.Data == nil && m.record.Data == nil && m.record.Flags&abi.FlagDataLazy != 0 {
		m.payload = hostcall.Payload(m.payload)
		m.record.Data = m.payload
	}
	return current(m.record.Data, m.patch.Data)
}

// Options are the request's options, a JSON object.
func (m *Message) Options() []byte { return current(m.record.Options, m.patch.Options) }

// Meta is the metadata of a response or publication, a JSON object.
func (m *Message) Meta() []byte { return current(m.record.Meta, m.patch.Meta) }

// Error is the error of a response that failed.
func (m *Message) Error() []byte { return current(m.record.Error, m.patch.Error) }

// SessionID names the session that a message comes from or goes to. It is empty
// for a publication that is shown once for all recipients.
func (m *Message) SessionID() []byte { return m.record.SessionID }

// Username is the session's user, if it has logged in as one.
func (m *Message) Username() []byte { return m.record.Username }

// Protocol is the session's protocol, such as happn_4.
func (m *Message) Protocol() []byte { return m.record.Protocol }

// Channel is the channel that a publication goes to.
func (m *Message) Channel() []byte { return m.record.Channel }

// Address is the peer's address, host:port.
func (m *Message) Address() []byte { return m.record.Address }

// Missed reports of an event that others before it were lost, so that what a plugin
// keeps up to date by events must be made anew.
func (m *Message) Missed() bool { return m.record.Flags&abi.FlagMissed != 0 }

// SetPath changes the path of a request. The slice is used until the hook
// returns, as in the other setters.
func (m *Message) SetPath(b []byte) { m.set(&m.patch.Path, b) }

// SetData changes the data; b must be valid JSON.
func (m *Message) SetData(b []byte) { m.set(&m.patch.Data, b) }

// SetOptions changes the options of a request; b must be a JSON object.
func (m *Message) SetOptions(b []byte) { m.set(&m.patch.Options, b) }

// SetMeta changes the metadata; b must be a JSON object.
func (m *Message) SetMeta(b []byte) { m.set(&m.patch.Meta, b) }

// SetError changes the error of a response; b must be a JSON object.
func (m *Message) SetError(b []byte) { m.set(&m.patch.Error, b) }

func (m *Message) set(section *[]byte, b []byte) {
	if b == nil {
		b = []byte{}
	}
	*section, m.changed = b, true
}

func current(now, changed []byte) []byte {
	if changed != nil {
		return changed
	}
	return now
}

package abi

// Kind says what a record describes.
type Kind uint8

// The kinds of record. Zero is invalid.
const (
	KindRequest     Kind = 1 // a client's request, before it is carried out
	KindResponse    Kind = 2 // the answer to a request, before it is sent
	KindPublication Kind = 3 // an event on its way to subscribers
)

// Action is what a request asks for, or which request an answer or a
// publication comes from.
type Action uint8

// The actions of happn-3 13.12.1. Zero is invalid.
const (
	ActionGet            Action = 1
	ActionSet            Action = 2
	ActionRemove         Action = 3
	ActionOn             Action = 4
	ActionOff            Action = 5
	ActionCount          Action = 6
	ActionAck            Action = 7
	ActionLogin          Action = 8
	ActionDescribe       Action = 9
	ActionConfigure      Action = 10 // configure-session
	ActionRequestNonce   Action = 11 // request-nonce
	ActionRevokeToken    Action = 12 // revoke-token
	ActionChangePassword Action = 13 // change-password
	ActionDisconnectKids Action = 14 // disconnect-child-sessions
	ActionDisconnect     Action = 15 // disconnect (happn_2 only)
	ActionPublicationAck Action = 16 // publication-ack, sent by the host
)

// Verdict is what a hook decides about the record it was shown.
type Verdict uint8

// The verdicts. Zero is invalid and is treated as ERROR.
const (
	VerdictPass     Verdict = 1  // go on, nothing changed
	VerdictReplace  Verdict = 2  // go on with the record in the output
	VerdictPatch    Verdict = 3  // go on; the output holds only the sections to change
	VerdictReject   Verdict = 4  // answer with the error in the output, do not go on
	VerdictDrop     Verdict = 5  // do not go on, answer nothing
	VerdictClose    Verdict = 6  // close the session, with the error section as the reason
	VerdictNeedMore Verdict = 7  // protocol hooks: wait for more bytes
	VerdictEmit     Verdict = 8  // the output holds records to act on
	VerdictError    Verdict = 15 // the hook failed; on_error decides
)

// Record is one message as a hook sees it. Absent sections are nil. The
// slices alias whatever buffer the record was decoded from; who keeps them
// longer than that buffer copies them.
type Record struct {
	Kind    Kind
	Action  Action
	Flags   uint8
	EventID uint64

	Path      []byte
	Data      []byte // raw JSON
	Options   []byte // raw JSON object
	Meta      []byte // raw JSON object
	SessionID []byte
	Username  []byte
	Protocol  []byte
	Channel   []byte
	Error     []byte // raw JSON object {name, code?, message, ...} or plain text
	Bytes     []byte // protocol data
	Address   []byte // peer address, host:port
}

package abi

// Version is the version of the contract and of the record layout. A raw
// module states it by the name of its marker export, ExportMarker.
const Version = 1

// Kind says what a record describes.
type Kind uint8

// The kinds of record. Zero is invalid.
const (
	KindRequest     Kind = 1  // a client's request, before it is carried out
	KindResponse    Kind = 2  // the answer to a request, before it is sent
	KindPublication Kind = 3  // an event on its way to subscribers
	KindSession     Kind = 4  // a session that has logged in and needs a policy
	KindCredentials Kind = 5  // what an authentication provider is asked
	KindHTTP        Kind = 6  // an HTTP request, or the answer to one
	KindSearch      Kind = 7  // a query of a plugin's own, or what it found
	KindCall        Kind = 8  // a request to a plugin's service, or its answer
	KindConnection  Kind = 9  // bytes, timers and state of a connection that a plugin owns
	KindDocument    Kind = 10 // a stored document, as get and next give it
)

// MaxKind is the highest kind of this version.
const MaxKind = KindDocument

var kindNames = [...]string{
	KindRequest:     "request",
	KindResponse:    "response",
	KindPublication: "publication",
	KindSession:     "session",
	KindCredentials: "credentials",
	KindHTTP:        "http",
	KindSearch:      "search",
	KindCall:        "call",
	KindConnection:  "connection",
	KindDocument:    "document",
}

// String returns the kind's name as manifests spell it, or "" for an unknown
// one.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return ""
}

// ParseKind returns the kind that String spells so, or zero.
func ParseKind(name string) Kind {
	for k, n := range kindNames {
		if n != "" && n == name {
			return Kind(k)
		}
	}
	return 0
}

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

// MaxAction is the highest action number of this version.
const MaxAction = ActionPublicationAck

var actionNames = [...]string{
	ActionGet:            "get",
	ActionSet:            "set",
	ActionRemove:         "remove",
	ActionOn:             "on",
	ActionOff:            "off",
	ActionCount:          "count",
	ActionAck:            "ack",
	ActionLogin:          "login",
	ActionDescribe:       "describe",
	ActionConfigure:      "configure-session",
	ActionRequestNonce:   "request-nonce",
	ActionRevokeToken:    "revoke-token",
	ActionChangePassword: "change-password",
	ActionDisconnectKids: "disconnect-child-sessions",
	ActionDisconnect:     "disconnect",
	ActionPublicationAck: "publication-ack",
}

// String returns the action's name as the wire and manifests spell it, or ""
// for an unknown one.
func (a Action) String() string {
	if int(a) < len(actionNames) {
		return actionNames[a]
	}
	return ""
}

// ParseAction returns the action that String spells so, or zero.
func ParseAction(name string) Action {
	for a, n := range actionNames {
		if n != "" && n == name {
			return Action(a)
		}
	}
	return 0
}

// Verdict is what a hook decides about the record it was shown.
type Verdict uint8

// The verdicts. Zero is invalid and is treated as ERROR.
const (
	VerdictPass     Verdict = 1  // go on, nothing changed
	VerdictReplace  Verdict = 2  // go on with the record in the output
	VerdictPatch    Verdict = 3  // go on; the output holds only the sections to change
	VerdictReject   Verdict = 4  // answer with the error in the output, do not go on
	VerdictDrop     Verdict = 5  // do not go on, answer nothing
	VerdictClose    Verdict = 6  // close the session, with the error in the output as the reason
	VerdictNeedMore Verdict = 7  // protocol hooks: wait for more bytes
	VerdictEmit     Verdict = 8  // the output holds records to act on
	VerdictError    Verdict = 15 // the hook failed, for the reason in the output; on_error decides
)

var verdictNames = [...]string{
	VerdictPass:     "pass",
	VerdictReplace:  "replace",
	VerdictPatch:    "patch",
	VerdictReject:   "reject",
	VerdictDrop:     "drop",
	VerdictClose:    "close",
	VerdictNeedMore: "need-more",
	VerdictEmit:     "emit",
	VerdictError:    "error",
}

// String returns the verdict's name in lower case, or "" for an unknown one.
func (v Verdict) String() string {
	if int(v) < len(verdictNames) {
		return verdictNames[v]
	}
	return ""
}

// Flags of a record.
const (
	// FlagDataLazy says that the record has a data section which was left out
	// because the hook's manifest asks for data lazily; ImportPayload fetches it.
	FlagDataLazy uint8 = 1 << 0
	// FlagNoWait, in what a guest passes to ImportSet and ImportRemove, has them
	// return once the store was asked.
	FlagNoWait uint8 = 1 << 1
	// FlagMissed says that events before this one were lost: a plugin that keeps
	// something up to date by them makes it anew.
	FlagMissed uint8 = 1 << 2
	// FlagText, of a connection's bytes, says that they are a websocket message of
	// text; the others are binary.
	FlagText uint8 = 1 << 3
)

// ConnReason says why a connection is over, to ExportConnClose.
type ConnReason int32

// The reasons.
const (
	ConnClosedByPeer   ConnReason = 1 // in good order
	ConnClosedByPlugin ConnReason = 2 // the guest asked for it
	ConnClosedByHost   ConnReason = 3 // an administrator, a time limit, a stop
	ConnLost           ConnReason = 4 // it broke, or the peer does not read
	ConnHandedOver     ConnReason = 5 // it goes on with another version of the plugin
)

// Bounds of what a guest asks for one connection, unless its operator says otherwise.
const (
	MaxConnTimers = 16        // that run at once
	MaxConnState  = 256 << 10 // bytes that ImportConnState keeps
)

// Record is one message as a hook sees it. Absent sections are nil, present
// but empty ones are not. The slices alias whatever buffer the record was
// decoded from; who keeps them longer than that buffer copies them.
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

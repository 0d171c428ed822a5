package protocol

import (
	"errors"
	"strconv"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// Request is one decoded frame. Its slices alias the frame, except a Path that
// was written with escapes.
type Request struct {
	Action  abi.Action // 0 if Name is not an action of happn
	Name    []byte     // action, raw JSON string as sent
	EventID []byte     // raw JSON, echoed; nil if there was none
	Session []byte     // raw JSON of sessionId, echoed; nil if there was none
	Path    []byte     // decoded; nil unless HasPath
	HasPath bool       // path was a string
	RawPath []byte     // path as sent, raw JSON; nil if there was none
	Data    []byte     // raw JSON; nil if there was none
	Options []byte     // raw JSON object; nil if there was none, or null

	DataHasMeta bool // data has a top-level member _meta
	Encrypted   bool // a truthy member encrypted, at the top or in data
}

// Errors of Decode for frames that happn-3 leaves without an answer.
var (
	ErrNotAnObject = errors.New("a request must be a JSON object")
	ErrNoAction    = errors.New(`a request needs an "action"`)
)

// Decoder decodes frames. It may be used again and again, by one goroutine at a
// time.
type Decoder struct {
	MaxDepth int // nesting of the whole frame; 0 is rawjson.DefaultMaxDepth
	scan     rawjson.Scanner
	number   [20]byte // the event id of a record
}

// Decode validates the frame as JSON and fills r from it. Errors are
// *rawjson.SyntaxError, ErrNotAnObject and ErrNoAction; with ErrNoAction, r
// holds what there was.
func (d *Decoder) Decode(frame []byte, r *Request) error {
	*r = Request{}
	d.scan.MaxDepth, d.scan.LineSeparators = d.MaxDepth, false
	i := rawjson.Space(frame, 0)
	if i >= len(frame) || frame[i] != '{' {
		if err := d.scan.Valid(frame); err != nil {
			return err
		}
		return ErrNotAnObject
	}
	end, err := d.envelope(frame, i, r)
	if err != nil {
		return err
	}
	if end = rawjson.Space(frame, end); end != len(frame) {
		return &rawjson.SyntaxError{Offset: end, Reason: "text after the end of the request"}
	}
	if d.scan.LineSeparators {
		return d.Decode(rawjson.EscapeLineSeparators(frame), r)
	}
	r.finish()
	if r.Name == nil {
		return ErrNoAction
	}
	return nil
}

// envelope scans the members of the object at frame[i].
func (d *Decoder) envelope(frame []byte, i int, r *Request) (int, error) {
	i = rawjson.Space(frame, i+1)
	if i < len(frame) && frame[i] == '}' {
		return i + 1, nil
	}
	for {
		name, start, err := d.scan.Key(frame, i)
		if err != nil {
			return i, err
		}
		var end int
		if string(name) == "data" {
			end, err = d.data(frame, start, r)
		} else {
			end, err = d.scan.Value(frame, start)
		}
		if err != nil {
			return i, err
		}
		r.member(name, frame[start:end:end])
		if i, err = nextMember(frame, end); err != nil || frame[i-1] == '}' {
			return i, err
		}
	}
}

// nextMember steps over what follows a member: the offset of the next name, or
// the one after the closing brace.
func nextMember(b []byte, i int) (int, error) {
	i = rawjson.Space(b, i)
	switch {
	case i >= len(b):
		return i, &rawjson.SyntaxError{Offset: i, Reason: "the text ends inside an object"}
	case b[i] == '}':
		return i + 1, nil
	case b[i] != ',':
		return i, &rawjson.SyntaxError{Offset: i, Reason: "expected ',' or '}' in an object"}
	}
	i = rawjson.Space(b, i+1)
	if i >= len(b) || b[i] != '"' {
		return i, &rawjson.SyntaxError{Offset: i, Reason: "expected a member name in double quotes"}
	}
	return i, nil
}

// data validates the value of data, looking at the names of its members.
func (d *Decoder) data(frame []byte, i int, r *Request) (int, error) {
	r.DataHasMeta = false
	if i >= len(frame) || frame[i] != '{' {
		return d.scan.Value(frame, i)
	}
	// One level is spent on the envelope and one on data itself.
	inner := d.scan
	if inner.MaxDepth <= 0 {
		inner.MaxDepth = rawjson.DefaultMaxDepth
	}
	inner.MaxDepth = max(inner.MaxDepth-1, 1)
	i = rawjson.Space(frame, i+1)
	if i < len(frame) && frame[i] == '}' {
		return i + 1, nil
	}
	for {
		name, start, err := inner.Key(frame, i)
		if err != nil {
			return i, err
		}
		end, err := inner.Value(frame, start)
		if err != nil {
			return i, err
		}
		switch string(name) {
		case "_meta":
			r.DataHasMeta = true
		case "encrypted":
			r.Encrypted = r.Encrypted || Truthy(frame[start:end])
		}
		if i, err = nextMember(frame, end); err != nil || frame[i-1] == '}' {
			d.scan.LineSeparators = d.scan.LineSeparators || inner.LineSeparators
			return i, err
		}
	}
}

func (r *Request) member(name, value []byte) {
	switch string(name) {
	case "action":
		r.Name = nil
		if rawjson.IsString(value) {
			r.Name = value
		}
	case "eventId":
		r.EventID = value
	case "sessionId":
		r.Session = value
	case "path":
		r.RawPath = value
	case "data":
		r.Data = value
	case "options":
		r.Options = nil
		if rawjson.IsObject(value) {
			r.Options = value
		}
	case "encrypted":
		r.Encrypted = r.Encrypted || Truthy(value)
	}
}

func (r *Request) finish() {
	if rawjson.IsString(r.RawPath) {
		r.Path, r.HasPath = rawjson.Unquote(r.RawPath), true
	}
	if r.Name != nil {
		r.Action = ActionByName(rawjson.Unquote(r.Name))
	}
}

// EventText returns the event id as it stands in publication ids.
func (r *Request) EventText() []byte {
	switch {
	case r.EventID == nil:
		return []byte("undefined")
	case rawjson.IsString(r.EventID):
		return rawjson.Unquote(r.EventID)
	}
	return r.EventID
}

// EventNumber returns the event id as a number, 0 if it is none.
func (r *Request) EventNumber() uint64 {
	n, _ := strconv.ParseUint(string(r.EventID), 10, 64)
	return n
}

// ActionByName returns the action with this name on the wire, 0 if there is
// none.
func ActionByName(name []byte) abi.Action {
	switch string(name) {
	case "get":
		return abi.ActionGet
	case "set":
		return abi.ActionSet
	case "remove":
		return abi.ActionRemove
	case "on":
		return abi.ActionOn
	case "off":
		return abi.ActionOff
	case "count":
		return abi.ActionCount
	case "ack":
		return abi.ActionAck
	case "login":
		return abi.ActionLogin
	case "describe":
		return abi.ActionDescribe
	case "configure-session":
		return abi.ActionConfigure
	case "request-nonce":
		return abi.ActionRequestNonce
	case "revoke-token":
		return abi.ActionRevokeToken
	case "change-password":
		return abi.ActionChangePassword
	case "disconnect-child-sessions":
		return abi.ActionDisconnectKids
	case "disconnect":
		return abi.ActionDisconnect
	}
	return 0
}

// Truthy reports whether a raw JSON value counts as true in JavaScript.
func Truthy(raw []byte) bool {
	switch string(raw) {
	case "", "null", "false", `""`, "0", "-0", "0.0":
		return false
	}
	return true
}

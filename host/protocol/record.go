package protocol

import (
	"errors"
	"strconv"
	"unicode/utf8"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// Errors of Record.
var (
	ErrNotARequest = errors.New("the record is not a request")
	errPathText    = errors.New("the path is not valid UTF-8")
)

// actionTexts are the names of actions as they stand in frames.
var actionTexts = [...][]byte{
	abi.ActionGet:            []byte(`"get"`),
	abi.ActionSet:            []byte(`"set"`),
	abi.ActionRemove:         []byte(`"remove"`),
	abi.ActionOn:             []byte(`"on"`),
	abi.ActionOff:            []byte(`"off"`),
	abi.ActionCount:          []byte(`"count"`),
	abi.ActionAck:            []byte(`"ack"`),
	abi.ActionLogin:          []byte(`"login"`),
	abi.ActionDescribe:       []byte(`"describe"`),
	abi.ActionConfigure:      []byte(`"configure-session"`),
	abi.ActionRequestNonce:   []byte(`"request-nonce"`),
	abi.ActionRevokeToken:    []byte(`"revoke-token"`),
	abi.ActionChangePassword: []byte(`"change-password"`),
	abi.ActionDisconnectKids: []byte(`"disconnect-child-sessions"`),
	abi.ActionDisconnect:     []byte(`"disconnect"`),
}

// Record fills r from a record as Decode does from a frame, and validates what
// it takes over; Path, Data and Options of the record count. r aliases the record, and
// the decoder until its next use. After an error other than ErrNotARequest, r
// has what an answer needs. An action that clients do not have becomes 0.
func (d *Decoder) Record(rec *abi.Record, r *Request) error {
	*r = Request{}
	if rec.Kind != abi.KindRequest {
		return ErrNotARequest
	}
	r.EventID = strconv.AppendUint(d.number[:0], rec.EventID, 10)
	if int(rec.Action) < len(actionTexts) && actionTexts[rec.Action] != nil {
		r.Action, r.Name = rec.Action, actionTexts[rec.Action]
	} else {
		r.Name = strconv.AppendQuote(nil, strconv.Itoa(int(rec.Action)))
	}
	if rec.Path != nil {
		if !utf8.Valid(rec.Path) {
			return errPathText
		}
		r.Path, r.HasPath = rec.Path, true
	}
	d.scan.MaxDepth = d.MaxDepth
	var err error
	if r.Data, err = d.section(rec.Data, r, d.data); err != nil {
		return &sectionError{"data", err}
	}
	r.Encrypted = false // records never are, whatever their data look like
	options, err := d.section(rec.Options, r, func(b []byte, i int, _ *Request) (int, error) { return d.scan.Value(b, i) })
	if err != nil {
		return &sectionError{"options", err}
	}
	if rawjson.IsObject(options) {
		r.Options = options
	}
	return nil
}

// section validates one section, and returns it as it would stand in a frame.
func (d *Decoder) section(b []byte, r *Request, value func([]byte, int, *Request) (int, error)) ([]byte, error) {
	if len(b) == 0 {
		return nil, nil
	}
	d.scan.LineSeparators = false
	start := rawjson.Space(b, 0)
	end, err := value(b, start, r)
	if err != nil {
		return nil, err
	}
	if after := rawjson.Space(b, end); after != len(b) {
		return nil, &rawjson.SyntaxError{Offset: after, Reason: "text after the end of the value"}
	}
	if d.scan.LineSeparators {
		return rawjson.EscapeLineSeparators(b[start:end]), nil
	}
	return b[start:end:end], nil
}

// sectionError says in which section of a record something is wrong.
type sectionError struct {
	section string
	err     error
}

func (e *sectionError) Error() string { return "the record's " + e.section + ": " + e.err.Error() }
func (e *sectionError) Unwrap() error { return e.err }

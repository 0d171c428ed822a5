package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/happn-host/happn-host/internal/rawjson"
)

// request is one request before it has an event id.
type request struct {
	action  string
	path    string // empty: the request has none
	data    []byte // raw JSON; nil is sent as null
	options []byte // raw JSON object; nil: none
	writes  bool   // may have changed something when its answer is lost
}

// appendFrame encodes a request.
func appendFrame(dst []byte, req *request, eventID uint64, session string) []byte {
	dst = append(dst, `{"action":"`...)
	dst = append(dst, req.action...)
	dst = append(dst, `","eventId":`...)
	dst = strconv.AppendUint(dst, eventID, 10)
	if req.path != "" {
		dst = append(dst, `,"path":`...)
		dst = rawjson.AppendString(dst, req.path)
	}
	dst = append(dst, `,"data":`...)
	if req.data == nil {
		dst = append(dst, "null"...)
	} else {
		dst = append(dst, req.data...)
	}
	if session != "" {
		dst = append(dst, `,"sessionId":`...)
		dst = rawjson.AppendString(dst, session)
	}
	if req.options != nil {
		dst = append(dst, `,"options":`...)
		dst = append(dst, req.options...)
	}
	return append(dst, '}')
}

// encodeData is any value as the data of a request.
func encodeData(v any) ([]byte, error) {
	if raw, ok := v.(json.RawMessage); ok {
		if raw == nil {
			return []byte("null"), nil
		}
		// A payload that is no JSON would turn the whole frame into nonsense.
		if !json.Valid(raw) {
			return nil, fmt.Errorf("data is not valid JSON: %.60q", raw)
		}
		return raw, nil
	}
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	return data, nil
}

// kind tells the sorts of frames apart that a server sends.
type kind int

const (
	kindResponse kind = iota
	kindData
	kindSystem
	kindAck
	kindControl // a transport string such as primus::ping
)

// message is a received frame, taken apart no further than its receiver needs.
// The slices are parts of the frame.
type message struct {
	kind    kind
	control string // kindControl: the text
	list    bool   // the answer is an array: data is the whole of it
	data    []byte
	meta    []byte

	eventID     uint64
	status      string
	channel     string
	errorRaw    []byte // of the meta
	publication string // publicationId of the meta, or id of an ack
	consistency uint64
	depth       uint64

	key      string // eventKey of a system message
	result   []byte // of a publication-ack
	ackError []byte
}

// parse takes a frame apart.
func parse(frame []byte) (*message, error) {
	m := &message{}
	if err := checked(frame); err != nil {
		return nil, err
	}
	switch frame = bytes.TrimSpace(frame); {
	case rawjson.IsString(frame):
		m.kind, m.control = kindControl, text(frame)
		return m, nil
	case rawjson.IsArray(frame):
		m.list, m.data = true, frame
		for item := range rawjson.Elements(frame) {
			m.meta = item
		}
	default:
		for name, value := range rawjson.Members(frame) {
			m.member(name, value)
		}
	}
	if !rawjson.IsObject(m.meta) {
		return nil, errMalformed
	}
	for name, value := range rawjson.Members(m.meta) {
		m.metaMember(name, value)
	}
	return m, nil
}

func (m *message) member(key, value []byte) {
	switch string(key) {
	case "data":
		m.data = value
	case "_meta":
		m.meta = value
	case "eventKey":
		m.key = text(value)
	case "id":
		m.publication = text(value)
	case "result":
		m.result = value
	case "error":
		m.ackError = value
	case "status":
		m.status = text(value)
	}
}

func (m *message) metaMember(key, value []byte) {
	switch string(key) {
	case "type":
		switch text(value) {
		case "data":
			m.kind = kindData
		case "system":
			m.kind = kindSystem
		case "ack":
			m.kind = kindAck
		}
	case "eventId":
		m.eventID, _ = number(value)
	case "status":
		m.status = text(value)
	case "error":
		m.errorRaw = value
	case "channel":
		m.channel = text(value)
	case "publicationId":
		m.publication = text(value)
	case "consistency":
		m.consistency, _ = number(value)
	case "depth":
		m.depth, _ = number(value)
	}
}

// err is the error that a response carries, or nil.
func (m *message) err(req *request) error {
	if m.errorRaw == nil && m.status != "error" {
		return nil
	}
	return decodeError(m.errorRaw, req)
}

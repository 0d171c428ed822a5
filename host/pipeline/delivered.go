package pipeline

import (
	"bytes"
	"strconv"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/protocol"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// readFrame reads a frame that the host has written for a happn_4 client as a
// record, and reports whether it is one of those that clients get. Texts of the
// record alias the frame, but for the data of a list, and paths with escapes.
//
// All that a session is sent comes by as frames, whoever sends it; so there is
// one place that tells them apart, and none that could be forgotten.
func readFrame(frame []byte, rec *abi.Record) bool {
	if rawjson.IsArray(frame) {
		return readList(frame, rec)
	}
	var key, result, problem []byte
	for name, value, i := rawjson.NextMember(frame, 1); i > 0; name, value, i = rawjson.NextMember(frame, i) {
		switch string(name) {
		case "data":
			rec.Data = value
		case "_meta":
			rec.Meta = value
		case "eventKey":
			key = value
		case "result":
			result = value
		case "error":
			problem = value
		}
	}
	if rec.Meta == nil {
		return false
	}
	switch kind := readMeta(rec); string(kind) {
	case `"response"`:
		readResponse(rec)
	case `"system"`:
		*rec = abi.Record{Kind: abi.KindPublication, Channel: rawjson.Unquote(key), Data: rec.Data, Meta: rec.Meta}
	case `"ack"`:
		rec.Kind, rec.Action, rec.Data, rec.Error = abi.KindPublication, abi.ActionPublicationAck, result, problem
	default:
		rec.Kind, rec.Error = abi.KindPublication, nil
	}
	return true
}

// readList reads the answer to a get of many: the items, and then its _meta.
func readList(frame []byte, rec *abi.Record) bool {
	items, at := 0, 1
	for value, next := rawjson.NextElement(frame, 1); next > 0; value, next = rawjson.NextElement(frame, next) {
		items, rec.Meta = at, value
		at = next
	}
	if rec.Meta == nil {
		return false
	}
	rec.Data = append(append(make([]byte, 0, items+1), frame[:items]...), ']')
	readMeta(rec)
	rec.Kind = abi.KindResponse
	return true
}

// readMeta reads what _meta says of the message, and returns its type, raw.
func readMeta(rec *abi.Record) (kind []byte) {
	for name, value, i := rawjson.NextMember(rec.Meta, 1); i > 0; name, value, i = rawjson.NextMember(rec.Meta, i) {
		switch string(name) {
		case "type":
			kind = value
		case "path":
			rec.Path = rawjson.Unquote(value)
		case "channel":
			rec.Channel = rawjson.Unquote(value)
		case "action":
			rec.Action = actionIn(value)
		case "eventId":
			rec.EventID, _ = strconv.ParseUint(string(value), 10, 64)
		case "error":
			rec.Error = value
		}
	}
	return kind
}

// readResponse makes rec an answer. The short one, which only sets can ask for,
// does not name the action.
func readResponse(rec *abi.Record) {
	rec.Kind, rec.Channel = abi.KindResponse, nil
	if rec.Action == 0 && rec.Data == nil {
		rec.Action = abi.ActionSet
	}
	if rec.Error != nil {
		rec.Data = nil
	}
}

// actionIn reads the action of an answer, such as "set", or of a publication,
// such as "/SET@/a/1".
func actionIn(value []byte) abi.Action {
	text := rawjson.Unquote(value)
	switch {
	case bytes.HasPrefix(text, []byte("/SET@")):
		return abi.ActionSet
	case bytes.HasPrefix(text, []byte("/REMOVE@")):
		return abi.ActionRemove
	}
	return protocol.ActionByName(text)
}

// awaited returns the id under which a publication with this _meta must be
// acknowledged, nil if nobody waits for that.
func awaited(meta []byte) (id []byte) {
	var consistency []byte
	for name, value, i := rawjson.NextMember(meta, 1); i > 0; name, value, i = rawjson.NextMember(meta, i) {
		switch string(name) {
		case "consistency":
			consistency = value
		case "publicationId":
			id = rawjson.Unquote(value)
		}
	}
	if string(consistency) != "3" {
		return nil
	}
	return id
}

package protocol

import (
	"strconv"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// Reply is the answer to a request, before it is written for a version.
type Reply struct {
	Data      []byte // raw JSON; nil is null
	Meta      []byte // members of _meta made by the action, without braces; may be empty
	Published bool
	NoData    bool   // leave the member data out
	Extra     []byte // further members of the frame, without braces; may be empty
	Error     *Error
}

// AppendReply appends the answer to r as one frame (happn-wire.md, 3.2, 3.3).
func AppendReply(dst []byte, v Version, r *Request, reply *Reply) []byte {
	dst = append(dst, '{')
	if len(reply.Extra) > 0 {
		dst = append(append(dst, reply.Extra...), ',')
	}
	if !reply.NoData {
		dst = append(dst, `"data":`...)
		if reply.Data == nil {
			dst = append(dst, "null"...)
		} else {
			dst = append(dst, reply.Data...)
		}
		dst = append(dst, ',')
	}
	dst = append(dst, `"_meta":{`...)
	if len(reply.Meta) > 0 {
		dst = append(append(dst, reply.Meta...), ',')
	}
	dst = appendResponseMeta(dst, v, r, reply)
	dst = append(dst, `},"protocol":"`...)
	dst = append(dst, v.String()...)
	return append(dst, `"}`...)
}

// AppendList appends the answer to a wildcard get: items is the raw text
// between the brackets, each item with its _meta.
func AppendList(dst []byte, v Version, r *Request, items []byte) []byte {
	dst = append(dst, '[')
	dst = append(dst, items...)
	if len(items) > 0 {
		dst = append(dst, ',')
	}
	dst = append(dst, '{')
	dst = appendResponseMeta(dst, v, r, &Reply{})
	return append(dst, "}]"...)
}

// AppendNoData appends the short answer that options.noDataResponse asks for.
func AppendNoData(dst []byte, r *Request, path []byte, published bool) []byte {
	dst = append(dst, `{"_meta":{"path":`...)
	dst = rawjson.AppendString(dst, path)
	dst = append(dst, `,"type":"response","status":"ok","published":`...)
	dst = strconv.AppendBool(dst, published)
	if r.EventID != nil {
		dst = append(dst, `,"eventId":`...)
		dst = append(dst, r.EventID...)
	}
	return append(dst, "}}"...)
}

func appendResponseMeta(dst []byte, v Version, r *Request, reply *Reply) []byte {
	if reply.Error != nil {
		dst = append(dst, `"type":"response","status":"error","published":`...)
	} else {
		dst = append(dst, `"type":"response","status":"ok","published":`...)
	}
	dst = strconv.AppendBool(dst, reply.Published)
	if r.EventID != nil {
		dst = append(dst, `,"eventId":`...)
		dst = append(dst, r.EventID...)
	}
	if r.Session != nil && (v.echoesSessionOnLogin() || r.Action != abi.ActionLogin && r.Action != abi.ActionDescribe) {
		dst = append(dst, `,"sessionId":`...)
		dst = append(dst, r.Session...)
	}
	if r.Name != nil {
		dst = append(dst, `,"action":`...)
		dst = append(dst, r.Name...)
	}
	if reply.Error != nil {
		dst = append(dst, `,"error":`...)
		dst = reply.Error.append(dst)
	}
	return dst
}

// AppendDocumentMeta appends the members of _meta that describe a stored
// document. A time of 0 is left out: nobody knows it, as of a counter that
// happn-3 has made in MongoDB.
func AppendDocumentMeta[T ~string | ~[]byte](dst []byte, path T, created, modified int64) []byte {
	dst = append(dst, `"path":`...)
	dst = rawjson.AppendString(dst, path)
	if created != 0 {
		dst = append(dst, `,"created":`...)
		dst = strconv.AppendInt(dst, created, 10)
	}
	if modified != 0 {
		dst = append(dst, `,"modified":`...)
		dst = strconv.AppendInt(dst, modified, 10)
	}
	return dst
}

// AppendItem appends an object with _meta added as its last member; meta is raw
// text without braces.
func AppendItem(dst, object, meta []byte) []byte {
	end := len(object) - 1
	for end > 0 && object[end] != '}' {
		end--
	}
	dst = append(dst, object[:end]...)
	if rest := rawjson.Space(object, 1); rest < end {
		dst = append(dst, ',')
	}
	dst = append(dst, `"_meta":{`...)
	dst = append(dst, meta...)
	return append(dst, "}}"...)
}

// StripMeta returns a raw object without its top-level members _meta, which
// clients may not store (happn-wire.md, 4.7).
func StripMeta(object []byte) []byte {
	out := append(make([]byte, 0, len(object)), '{')
	for name, value := range rawjson.Members(object) {
		if string(name) == "_meta" {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(rawjson.AppendString(out, name), ':')
		out = append(out, value...)
	}
	return append(out, '}')
}

// Wrap returns what is stored for a value: objects as they are, anything else
// as {"value":...}; nothing at all as {}. The result may alias raw.
func Wrap(raw []byte, hasMeta bool) []byte {
	switch {
	case raw == nil:
		return []byte("{}")
	case rawjson.IsObject(raw) && hasMeta:
		return StripMeta(raw)
	case rawjson.IsObject(raw):
		return raw
	}
	out := make([]byte, 0, len(raw)+len(`{"value":}`))
	out = append(out, `{"value":`...)
	out = append(out, raw...)
	return append(out, '}')
}

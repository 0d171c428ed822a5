package protocol

import (
	"strconv"

	"github.com/happn-host/happn-host/internal/rawjson"
)

// AppendPublicationHead appends the start of a publication's frame, up to where
// the channel stands: everything that is the same for all channels. meta is
// the raw text of _meta's members, without braces.
func AppendPublicationHead(dst, data, meta []byte) []byte {
	dst = append(dst, `{"data":`...)
	dst = append(dst, data...)
	dst = append(dst, `,"_meta":{`...)
	return append(dst, meta...)
}

// AppendPublicationTail appends the rest of the frame: channel, depth (0 for
// none) and protocol.
func AppendPublicationTail(dst []byte, v Version, channel string, depth int) []byte {
	dst = AppendChannel(dst, channel, depth)
	dst = append(dst, `},"protocol":"`...)
	dst = append(dst, v.String()...)
	return append(dst, `"}`...)
}

// AppendChannel appends the members of _meta that name the subscription, with a
// comma before them.
func AppendChannel(dst []byte, channel string, depth int) []byte {
	dst = append(dst, `,"channel":`...)
	dst = rawjson.AppendString(dst, channel)
	if depth > 0 {
		dst = append(dst, `,"depth":`...)
		dst = strconv.AppendInt(dst, int64(depth), 10)
	}
	return dst
}

// Outcome counts what became of a publication.
type Outcome struct {
	Successful, Failed, Skipped, Queued int
	Acknowledged                        int // meaningful with HasAcks
	HasAcks                             bool
}

// Add adds the numbers of another outcome.
func (o *Outcome) Add(other Outcome) {
	o.Successful += other.Successful
	o.Failed += other.Failed
	o.Skipped += other.Skipped
	o.Queued += other.Queued
	o.Acknowledged += other.Acknowledged
	o.HasAcks = o.HasAcks || other.HasAcks
}

// Append appends the outcome as a JSON object.
func (o Outcome) Append(dst []byte) []byte {
	dst = append(dst, `{"successful":`...)
	dst = strconv.AppendInt(dst, int64(o.Successful), 10)
	dst = append(dst, `,"failed":`...)
	dst = strconv.AppendInt(dst, int64(o.Failed), 10)
	dst = append(dst, `,"skipped":`...)
	dst = strconv.AppendInt(dst, int64(o.Skipped), 10)
	if o.HasAcks {
		dst = append(dst, `,"acknowledged":`...)
		dst = strconv.AppendInt(dst, int64(o.Acknowledged), 10)
	}
	dst = append(dst, `,"queued":`...)
	dst = strconv.AppendInt(dst, int64(o.Queued), 10)
	return append(dst, '}')
}

// AppendPublicationAck appends the frame that tells a publisher what became of
// its publication (happn-wire.md, 5.4). problem is "" if all went well.
func AppendPublicationAck(dst []byte, v Version, id string, eventID []byte, o Outcome, problem string) []byte {
	dst = append(dst, `{"id":`...)
	dst = rawjson.AppendString(dst, id)
	dst = append(dst, `,"action":"publication-ack","result":`...)
	dst = o.Append(dst)
	if problem == "" {
		dst = append(dst, `,"status":"ok"`...)
	} else {
		dst = append(dst, `,"status":"error","error":`...)
		dst = rawjson.AppendString(dst, problem)
	}
	dst = append(dst, `,"_meta":{"type":"ack"`...)
	if eventID != nil {
		dst = append(dst, `,"eventId":`...)
		dst = append(dst, eventID...)
	}
	dst = append(dst, `},"protocol":"`...)
	dst = append(dst, v.String()...)
	return append(dst, `"}`...)
}

// AppendPushed appends a message that the server sends of its own accord, as the
// versions that have such messages read it (happn-wire.md, 5.5); data is raw JSON.
func AppendPushed(dst []byte, v Version, key string, data []byte) []byte {
	dst = append(dst, `{"_meta":{"type":"system"},"eventKey":`...)
	dst = rawjson.AppendString(dst, key)
	dst = append(dst, `,"data":`...)
	dst = append(dst, data...)
	dst = append(dst, `,"protocol":"`...)
	dst = append(dst, v.String()...)
	return append(dst, `"}`...)
}

// AppendSystem appends a system message (happn-wire.md, 5.6); data is raw JSON.
func AppendSystem(dst []byte, key string, data []byte) []byte {
	dst = append(dst, `{"_meta":{"type":"system"},"data":`...)
	dst = append(dst, data...)
	dst = append(dst, `,"eventKey":`...)
	dst = rawjson.AppendString(dst, key)
	return append(dst, '}')
}

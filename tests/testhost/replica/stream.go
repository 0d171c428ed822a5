package replica

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

const (
	firstCursor = int64(1) << 40 // the server's own are smaller
	maxBatch    = 100
	maxAwait    = time.Second // unless the client says less
)

// cursor is a stream of the changes of one collection.
type cursor struct {
	namespace     string
	place         int // of the last change that was looked at
	whole, before bool
	shown         []string // the fields that a $project includes
}

// open answers an aggregate that begins with $changeStream.
func (s *Set) open(r *request, options bson.Raw, stages []bson.Raw) bson.D {
	k := &cursor{namespace: r.member("$db") + "." + r.member("aggregate")}
	if level, said := r.body.Lookup("readConcern", "level").StringValueOK(); said && level != "majority" {
		return refusal(72, "InvalidOptions", "$changeStream takes the read concern majority, or none, and not "+level)
	}
	full, _ := options.Lookup("fullDocument").StringValueOK()
	k.whole = full == "whenAvailable"
	_, k.before = options.Lookup("fullDocumentBeforeChange").StringValueOK()
	for _, stage := range stages {
		project, ok := stage.Lookup("$project").DocumentOK()
		if !ok {
			return refusal(40324, "Location40324", "no such stage here: "+stage.String())
		}
		elements, _ := project.Elements()
		for _, e := range elements {
			k.shown = append(k.shown, e.Key())
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if refused := s.place(k, options); refused != nil {
		return refused
	}
	s.last++
	s.cursors[s.last] = k
	return s.batch("firstBatch", s.last, k)
}

// place sets where the stream begins, or refuses.
func (s *Set) place(k *cursor, options bson.Raw) bson.D {
	k.place = len(s.log)
	for _, name := range []string{"resumeAfter", "startAfter"} {
		data, ok := options.Lookup(name, "_data").StringValueOK()
		if !ok {
			continue
		}
		place, err := strconv.ParseInt(data, 16, 64)
		if err != nil || int(place) > len(s.log) {
			return refusal(260, "InvalidResumeToken", fmt.Sprintf("the token %q was never given out", data))
		}
		k.place = int(place)
		if name == "resumeAfter" && place > 0 && s.log[place-1].kind == "invalidate" {
			return refusal(260, "InvalidResumeToken", "Attempting to resume a change stream using 'resumeAfter' is not allowed from an invalidate notification")
		}
	}
	if _, i, ok := options.Lookup("startAtOperationTime").TimestampOK(); ok {
		k.place = int(i) - 1
	}
	if k.place < s.lost {
		return historyLost()
	}
	return nil
}

func historyLost() bson.D {
	return refusal(286, "ChangeStreamHistoryLost", "Resume of change stream was not possible, as the resume point may no longer be in the oplog.")
}

// more answers a getMore: at once if there is something to tell.
func (s *Set) more(conn net.Conn, r *request, id int64) bson.D {
	await := maxAwait
	if ms, ok := r.body.Lookup("maxTimeMS").AsInt64OK(); ok {
		await = min(await, time.Duration(ms)*time.Millisecond)
	}
	deadline := time.NewTimer(await)
	defer deadline.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[conn] = true
	defer func() { s.conns[conn] = false }()
	for late := false; ; {
		k := s.cursors[id]
		switch {
		case k == nil:
			return refusal(43, "CursorNotFound", "cursor id not found")
		case k.place < s.lost:
			delete(s.cursors, id)
			return historyLost()
		case late || s.closed || !s.held && s.ahead(k):
			return s.batch("nextBatch", id, k)
		}
		news := s.news
		s.mu.Unlock()
		select {
		case <-news:
		case <-deadline.C:
			late = true
		}
		s.mu.Lock()
	}
}

// ahead reports whether there is something to tell.
func (s *Set) ahead(k *cursor) bool {
	for _, c := range s.log[k.place:] {
		if c.namespace == k.namespace {
			return true
		}
	}
	return false
}

// batch is the next part of the stream.
func (s *Set) batch(name string, id int64, k *cursor) bson.D {
	events := bson.A{}
	for !s.held && k.place < len(s.log) && len(events) < maxBatch {
		c := &s.log[k.place]
		k.place++
		if c.namespace != k.namespace {
			continue
		}
		events = append(events, k.project(c.event(k.place, k, s.blind)))
		if c.kind == "invalidate" {
			delete(s.cursors, id)
			id = 0
			break
		}
	}
	return bson.D{
		{Key: "cursor", Value: bson.D{{Key: "id", Value: id}, {Key: "ns", Value: k.namespace}, {Key: name, Value: events},
			{Key: "postBatchResumeToken", Value: token(k.place)}}},
		{Key: "operationTime", Value: s.now()}, {Key: "ok", Value: 1.0},
	}
}

// project leaves what the stream is to show of an event.
func (k *cursor) project(event bson.D) bson.D {
	if k.shown == nil {
		return event
	}
	return included(event, k.shown)
}

// included returns the fields with these dotted names.
func included(doc bson.D, names []string) bson.D {
	all := bson.D{}
	for _, e := range doc {
		var below []string
		for _, name := range names {
			first, rest, deeper := strings.Cut(name, ".")
			if first == e.Key && !deeper {
				all, below = append(all, e), nil
				break
			}
			if first == e.Key {
				below = append(below, rest)
			}
		}
		if below == nil {
			continue
		}
		if raw, ok := e.Value.(bson.Raw); ok {
			var inner bson.D
			if bson.Unmarshal(raw, &inner) == nil {
				e.Value = inner
			}
		}
		if inner, ok := e.Value.(bson.D); ok {
			all = append(all, bson.E{Key: e.Key, Value: included(inner, below)})
		}
	}
	return all
}

// kill ends streams, and reports whether they were ours.
func (s *Set) kill(ids bson.RawValue) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	array, _ := ids.ArrayOK()
	values, _ := array.Values()
	for _, v := range values {
		id, _ := v.AsInt64OK()
		if id <= firstCursor {
			return false
		}
		delete(s.cursors, id)
	}
	s.tell()
	return true
}

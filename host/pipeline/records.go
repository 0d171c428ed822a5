package pipeline

import (
	"context"
	"errors"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/protocol"
	"github.com/happn-host/happn-host/host/session"
)

// RecordLink is the connection under a RecordPeer. Its methods are called from any
// goroutine, also from within RecordPeer.Do; they must not wait for anything, and
// must not call the RecordPeer.
type RecordLink interface {
	// Record hands over what the session is sent; the record is borrowed until
	// Record returns. It is one of
	//
	//   - an answer: kind response, with the action and event id of its request,
	//     data (raw JSON; the documents as an array for a get of many), meta, path
	//     where it is about one document, and error in place of data for what
	//     failed;
	//   - a publication: kind publication, action set or remove, path, channel,
	//     data, meta;
	//   - what became of a publication of the session's own: kind publication,
	//     action publication-ack, event id, data, and error for what was not
	//     acknowledged;
	//   - a message of the host: kind publication without action and path, its
	//     name for the channel, such as server-side-disconnect, and data, such
	//     as {"reason":"..."}.
	Record(rec *abi.Record)

	// Close ends the connection after what was handed over before. The reason
	// is for people, "" if there is none to tell. It may be called again.
	Close(reason string)
}

// RecordPeer is a connection whose protocol somebody else speaks: a session like
// any other that takes its requests as records, and hands over as records what it
// is sent. Methods but Session and Gone are called by one goroutine at a time.
type RecordPeer struct{ peer *Peer }

// OpenRecords registers a new connection. It may be a link that is
// session.Watched, too.
func (p *Pipeline) OpenRecords(link RecordLink, origin session.Origin) *RecordPeer {
	var under session.Link = recordLink{link}
	if watched, can := link.(session.Watched); can {
		under = watchedLink{recordLink{link}, watched}
	}
	peer := p.Open(under, origin, true)
	peer.records = true
	return &RecordPeer{peer}
}

// Session returns the peer's session.
func (r *RecordPeer) Session() *session.Session { return r.peer.session }

// Do carries out requests: records of kind request with action, event id, path,
// data and options as a happn_4 client has them in frames. They are borrowed.
// Every one is answered, also with what is wrong with it; writes when they are
// durable, the rest before Do returns. Layers are given ctx. An error, of a
// record of another kind or of a session that has ended, leaves out the ones
// behind it.
func (r *RecordPeer) Do(ctx context.Context, requests ...*abi.Record) error {
	peer := r.peer
	if peer.session.Closed() {
		return ErrClosed
	}
	if peer.work == nil {
		peer.work = peer.pipeline.worker()
	}
	defer peer.Idle()
	peer.work.ctx = ctx
	for _, rec := range requests {
		if err := peer.record(peer.work, rec); err != nil {
			return err
		}
	}
	return nil
}

// record carries out the request in one record.
func (peer *Peer) record(w *worker, rec *abi.Record) error {
	peer.pipeline.stats.Requests.Add(1)
	err := w.decode.Record(rec, &w.request)
	if errors.Is(err, protocol.ErrNotARequest) {
		peer.pipeline.stats.Unreadable.Add(1)
		return err
	}
	peer.session.CountMessage()
	if err != nil {
		peer.refuse(w, err.Error())
	} else {
		peer.handle(w)
	}
	peer.presence.answered()
	w.trim()
	return nil
}

// Pending returns how many writes are not answered yet. One that is being answered
// may count for a moment longer. It may be called from any goroutine.
func (r *RecordPeer) Pending() int { return int(r.peer.lane.pending.Load()) }

// Gone tells that nothing more can be sent, so that a search the peer waits for
// stops. It may be called from any goroutine, before Closed.
func (r *RecordPeer) Gone() { r.peer.Gone() }

// Closed is called once, when the connection has ended.
func (r *RecordPeer) Closed() { r.peer.Closed(nil) }

// recordLink is a RecordLink as a session knows its connection.
type recordLink struct{ to RecordLink }

// Send implements session.Link.
func (l recordLink) Send(frame []byte, _ bool) (flush bool) {
	var rec abi.Record
	if readFrame(frame, &rec) {
		l.to.Record(&rec)
	}
	return false
}

// Flush implements session.Link.
func (recordLink) Flush() {}

// Close implements session.Link.
func (l recordLink) Close(_ int, reason string, _ bool) { l.to.Close(reason) }

// watchedLink can tell whether its peer has left.
type watchedLink struct {
	recordLink
	session.Watched
}

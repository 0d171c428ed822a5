package pipeline

import (
	"context"
	"strconv"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/protocol"
	"github.com/happn-host/happn-host/host/pubsub"
	"github.com/happn-host/happn-host/host/session"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// appendPublicationID appends the id under which clients acknowledge the op, as
// it stands in JSON.
func (o *op) appendPublicationID(dst []byte) []byte {
	dst = append(dst, o.actor.id...)
	dst = append(dst, '-')
	return o.appendPlace(rawjson.AppendEscaped(dst, o.request.EventText()))
}

// appendPublicationMeta appends the members of a publication's _meta that are
// the same on every channel (happn-wire.md, 5.1).
func (o *op) appendPublicationMeta(dst []byte) []byte {
	if o.isSet() {
		dst = append(dst, `"action":"/SET@`...)
	} else {
		dst = append(dst, `"action":"/REMOVE@`...)
	}
	dst = rawjson.AppendEscaped(dst, o.request.Path)
	dst = append(dst, `","type":"data",`...)
	if !o.external {
		dst = append(dst, `"sessionId":"`...)
		dst = append(dst, o.actor.id...)
		dst = append(dst, `",`...)
	}
	dst = append(dst, `"consistency":`...)
	dst = strconv.AppendInt(dst, int64(o.consistency), 10)
	if !o.external {
		dst = append(dst, `,"publicationId":"`...)
		dst = o.appendPublicationID(dst)
		dst = append(dst, '"')
	}
	dst = append(dst, ',')
	if o.isSet() && o.doc != nil && o.gauge == "" {
		dst = protocol.AppendDocumentMeta(dst, o.request.Path, o.doc.Created, o.doc.Modified)
		dst = appendModifiedBy(dst, o.doc)
		dst = appendTag(dst, o.doc.Tag)
	} else {
		dst = appendPath(dst, o.request.Path)
	}
	return appendCustomMeta(o.appendOrigin(dst), o.meta, o.doc != nil && o.doc.Tag != "")
}

// appendOrigin appends who published, on a host with access control.
func (o *op) appendOrigin(dst []byte) []byte {
	if o.actor.principal == nil {
		return dst
	}
	dst = append(dst, `,"eventOrigin":{"username":`...)
	dst = rawjson.AppendString(dst, o.actor.username())
	dst = append(dst, `,"id":"`...)
	dst = append(dst, o.actor.id...)
	return append(dst, `"}`...)
}

// appendCustomMeta appends the publisher's own members of _meta. Those that the
// host makes itself cannot be given, so nobody can forge where a publication
// came from.
func appendCustomMeta(dst, meta []byte, tagged bool) []byte {
	for name, value := range rawjson.Members(meta) {
		switch string(name) {
		case "tag":
			if tagged {
				continue
			}
		case "created", "modified", "path", "action", "type", "published", "status", "eventId", "sessionId",
			"channel", "depth", "consistency", "publicationId", "eventOrigin", "modifiedBy", "createdBy":
			continue
		}
		dst = append(dst, ',')
		dst = rawjson.AppendString(dst, name)
		dst = append(dst, ':')
		dst = append(dst, value...)
	}
	return dst
}

// publish sends the op to its subscribers, or each document of a bulk write to
// its own. w.reply holds the op's data.
func (o *op) publish(w *worker, b *session.Batch) protocol.Outcome {
	if o.bulk == nil {
		return o.publishOne(w, b, nil)
	}
	var total protocol.Outcome
	o.eachDocument(w, func() { total.Add(o.publishOne(w, b, nil)) })
	return total
}

// publishOne publishes what is in w.reply on the op's path.
func (o *op) publishOne(w *worker, b *session.Batch, acks *pubsub.Pending) protocol.Outcome {
	p := o.peer.pipeline
	p.stats.Publications.Add(1)
	if p.Publisher.Tree.Count() == 0 {
		return protocol.Outcome{}
	}
	if o.span != nil {
		return o.spreadTraced(w, b, acks)
	}
	return o.spread(w, b, acks)
}

// spread sends what is in w.reply to those who have subscribed.
func (o *op) spread(w *worker, b *session.Batch, acks *pubsub.Pending) protocol.Outcome {
	p := o.peer.pipeline
	w.out = o.appendPublicationMeta(w.out[:0])
	pub := pubsub.Publication{
		Event: pubsub.Set, Path: o.request.Path, Data: w.reply.Data, Sent: o.sent, Meta: w.out,
		Targets: o.targets, HasTargets: o.hasTargets, NoCluster: o.noCluster, Acks: acks, Judge: o,
	}
	if !o.isSet() {
		pub.Event = pubsub.Remove
	}
	if layers := p.Layers.Outbound(); len(layers) > 0 {
		screen := &publicationScreen{pipeline: p, op: o, batch: b, layers: layers}
		if !screen.whole(&pub) {
			return protocol.Outcome{}
		}
		if screen.perRecipient() {
			pub.Screen = screen
		}
	}
	o.subject = subject{data: pub.Data}
	if p.Access != nil || p.rightful.Load() > 0 || ofSystem(o.request.Path) {
		pub.Audience = o
	}
	if p.Recipients != nil {
		o.filterRecipients(&pub)
	}
	outcome := p.Publisher.Publish(b, &pub)
	p.stats.Deliveries.Add(int64(outcome.Queued))
	return outcome
}

// publishLater publishes after the answer and tells the publisher how it went.
func (o *op) publishLater(w *worker, b *session.Batch) {
	id := o.actor.id + "-" + string(o.request.EventText())
	peer, eventID := o.peer, append([]byte(nil), o.request.EventID...)
	if o.consistency != protocol.Acknowledged {
		outcome := o.publish(w, b)
		peer.acknowledge(o.context(), b, id, eventID, outcome, true)
		return
	}
	// The acknowledgements arrive on other goroutines, long after this batch.
	ctx := o.context()
	tell := func(outcome protocol.Outcome, complete bool) {
		var late session.Batch
		peer.acknowledge(ctx, &late, id, eventID, outcome, complete)
		late.Flush()
	}
	if o.bulk != nil {
		o.publishAwaited(w, b, id, tell)
		return
	}
	pending := peer.pipeline.Acks.Open(id, tell)
	outcome := o.publishOne(w, b, pending)
	b.Flush()
	pending.Sent(outcome)
}

// acknowledge sends a publication-ack to the publisher.
func (peer *Peer) acknowledge(ctx context.Context, b *session.Batch, id string, eventID []byte, outcome protocol.Outcome, complete bool) {
	problem := ""
	if !complete {
		problem = "unacknowledged publication"
	}
	p := peer.pipeline
	frame := protocol.AppendPublicationAck(nil, peer.session.Version(), id, eventID, outcome, problem)
	for _, l := range p.Layers.Outbound() {
		if !l.Handles(abi.KindPublication, abi.ActionPublicationAck, nil) {
			continue
		}
		rec := abi.Record{
			Kind: abi.KindPublication, Action: abi.ActionPublicationAck,
			SessionID: []byte(peer.session.ID), Username: userOf(peer.session), Data: outcome.Append(nil),
		}
		verdict, err := l.Call(ctx, &rec)
		p.logFault(l, err)
		if verdict == abi.VerdictDrop || verdict == abi.VerdictReject {
			return
		}
	}
	b.Send(peer.session, frame, true)
}

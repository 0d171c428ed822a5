package pipeline

import (
	"bytes"
	"context"
	"fmt"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/protocol"
	"github.com/happn-host/happn-host/host/pubsub"
	"github.com/happn-host/happn-host/host/session"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// policyViolation is the websocket close code for sessions that a layer closes.
const policyViolation = 1008

// logFault tells the log that a layer failed, once in a while.
func (p *Pipeline) logFault(l Layer, err error) {
	if err != nil {
		p.faults.Warn(p.Logger, "a layer failed", l.Name(), err, "layer", l.Name())
	}
}

// userOf returns the name of the session's user for layers, nil if it has none.
func userOf(s *session.Session) []byte {
	if principal := s.Principal(); principal != nil {
		return []byte(principal.Username())
	}
	return nil
}

// inbound shows the request to the layers that want it, and reports whether to
// carry it out.
func (peer *Peer) inbound(w *worker, layers []Layer) bool {
	r := &w.request
	reach := Reach(r.Action, r.Path, r.Options)
	for _, l := range layers {
		if !l.Handles(abi.KindRequest, r.Action, reach) {
			continue
		}
		rec := abi.Record{
			Kind: abi.KindRequest, Action: r.Action, EventID: r.EventNumber(),
			Path: r.Path, Data: r.Data, Options: r.Options,
			SessionID: []byte(peer.session.ID), Username: userOf(peer.session), Protocol: []byte(peer.session.Version().String()),
			Address: []byte(peer.session.Origin.IP),
		}
		verdict, err := l.Call(w.context(), &rec)
		peer.pipeline.logFault(l, err)
		switch verdict {
		case abi.VerdictPass:
		case abi.VerdictReplace, abi.VerdictPatch:
			if problem := adopt(r, &rec); problem != nil {
				peer.pipeline.logFault(l, problem)
				peer.fail(w, layerError(l, problem.Error()))
				return false
			}
		case abi.VerdictDrop:
			return false
		case abi.VerdictClose:
			if peer.agent != nil { // whose session nobody can end but itself
				peer.fail(w, rejection(l, &rec))
				return false
			}
			peer.pipeline.closeByLayer(&w.batch, peer.session, &rec)
			return false
		default:
			peer.fail(w, rejection(l, &rec))
			return false
		}
	}
	return true
}

// Reach returns the path that a request is about, for Layer.Handles: a pattern if
// it is about several documents, or about one whose name is not known yet.
func Reach(action abi.Action, path, options []byte) []byte {
	if action != abi.ActionSet || len(options) <= len("{}") {
		return path
	}
	var o protocol.Options
	protocol.ParseOptions(options, &o)
	switch {
	case o.Bulk:
		return []byte("*")
	case o.Sibling:
		return append(append([]byte(nil), path...), "/*"...)
	}
	return path
}

// adopt takes over what a layer changed of a request, after checking it as if
// it had come from a client.
func adopt(r *protocol.Request, rec *abi.Record) error {
	var scan rawjson.Scanner
	if rec.Data != nil {
		if err := scan.Valid(rec.Data); err != nil {
			return fmt.Errorf("it replaced data with %w", err)
		}
	}
	if rec.Options != nil {
		if err := scan.Valid(rec.Options); err != nil {
			return fmt.Errorf("it replaced options with %w", err)
		}
	}
	r.Path, r.HasPath = rec.Path, r.HasPath || rec.Path != nil
	r.Data, r.Options = bytes.TrimSpace(rec.Data), bytes.TrimSpace(rec.Options)
	if len(r.Data) == 0 {
		r.Data = nil
	}
	if !rawjson.IsObject(r.Options) {
		r.Options = nil
	}
	_, r.DataHasMeta = rawjson.Lookup(r.Data, "_meta")
	return nil
}

func layerError(l Layer, what string) *protocol.Error {
	return protocol.NewError(fmt.Sprintf("layer %s failed: %s", l.Name(), what))
}

// rejection is the error of a layer that rejects, as the client is told of it.
func rejection(l Layer, rec *abi.Record) *protocol.Error {
	text := bytes.TrimSpace(rec.Error)
	if rawjson.IsObject(text) {
		var scan rawjson.Scanner
		if scan.Valid(text) == nil {
			return &protocol.Error{Name: "Error", Message: "rejected by layer " + l.Name(), Raw: text}
		}
	}
	if len(text) == 0 {
		return protocol.NewError("rejected by layer " + l.Name())
	}
	return protocol.NewError(string(text))
}

// closeByLayer ends a session because a layer said so.
func (p *Pipeline) closeByLayer(b *session.Batch, s *session.Session, rec *abi.Record) {
	reason := rec.Error
	if len(reason) == 0 {
		reason = []byte("closed by a layer")
	}
	data := append(rawjson.AppendString([]byte(`{"reason":`), reason), '}')
	b.Send(s, protocol.AppendSystem(nil, "server-side-disconnect", data), true)
	b.Flush()
	s.Close(policyViolation, string(reason[:min(len(reason), 100)]), true)
}

// screenReply shows an answer to the outbound layers that want it. They may
// change data and _meta or turn it into an error; it reports false if nothing
// is to be sent.
func (p *Pipeline) screenReply(ctx context.Context, b *session.Batch, s *session.Session, layers []Layer, r *protocol.Request, reply *protocol.Reply) bool {
	for _, l := range layers {
		if !l.Handles(abi.KindResponse, r.Action, r.Path) {
			continue
		}
		rec := abi.Record{
			Kind: abi.KindResponse, Action: r.Action, EventID: r.EventNumber(),
			Path: r.Path, Data: reply.Data, Options: r.Options, Meta: braced(reply.Meta),
			SessionID: []byte(s.ID), Username: userOf(s), Protocol: []byte(s.Version().String()),
		}
		verdict, err := l.Call(ctx, &rec)
		p.logFault(l, err)
		switch verdict {
		case abi.VerdictPass:
		case abi.VerdictReplace, abi.VerdictPatch:
			data, meta, problem := changed(&rec)
			if problem != nil {
				p.logFault(l, problem)
				*reply = protocol.Reply{Error: layerError(l, problem.Error())}
				return true
			}
			reply.Data, reply.Meta = data, meta
			reply.NoData = reply.NoData && data == nil
		case abi.VerdictDrop:
			return false
		case abi.VerdictClose:
			p.closeByLayer(b, s, &rec)
			return false
		default:
			// Nothing of the result goes out with the error; happn-3 leaks it.
			*reply = protocol.Reply{Error: rejection(l, &rec)}
			return true
		}
	}
	return true
}

func braced(members []byte) []byte {
	out := append(make([]byte, 0, len(members)+2), '{')
	out = append(out, members...)
	return append(out, '}')
}

// changed checks the data and _meta that a layer gave back, and returns _meta
// without its braces.
func changed(rec *abi.Record) (data, meta []byte, err error) {
	var scan rawjson.Scanner
	data, meta = bytes.TrimSpace(rec.Data), bytes.TrimSpace(rec.Meta)
	if len(data) == 0 {
		data = nil
	} else if err := scan.Valid(data); err != nil {
		return nil, nil, fmt.Errorf("it replaced data with %w", err)
	}
	if len(meta) == 0 {
		return data, nil, nil
	}
	if err := scan.Valid(meta); err != nil || !rawjson.IsObject(meta) {
		return nil, nil, fmt.Errorf("it replaced meta with something that is no JSON object: %w", err)
	}
	return data, bytes.TrimSpace(meta[1 : len(meta)-1]), nil
}

// publicationScreen shows one publication to the outbound layers.
type publicationScreen struct {
	pipeline *Pipeline
	op       *op
	batch    *session.Batch
	layers   []Layer
}

func (s *publicationScreen) record() abi.Record {
	return abi.Record{Kind: abi.KindPublication, Action: s.op.request.Action, Path: s.op.request.Path}
}

// whole shows the publication to the layers that look at it once, and reports
// whether to go on.
func (s *publicationScreen) whole(pub *pubsub.Publication) bool {
	for _, l := range s.layers {
		if l.Recipient() || !l.Handles(abi.KindPublication, s.op.request.Action, pub.Path) {
			continue
		}
		var send bool
		if pub.Data, pub.Meta, send = s.call(l, nil, "", pub.Data, pub.Meta); !send {
			return false
		}
		if pub.Sent == nil {
			continue
		}
		if pub.Sent, _, send = s.call(l, nil, "", pub.Sent, pub.Meta); !send {
			return false
		}
	}
	return true
}

// perRecipient reports whether a layer wants to see each recipient's copy.
func (s *publicationScreen) perRecipient() bool {
	for _, l := range s.layers {
		if l.Recipient() && l.Handles(abi.KindPublication, s.op.request.Action, s.op.request.Path) {
			return true
		}
	}
	return false
}

// Recipient implements pubsub.Screen.
func (s *publicationScreen) Recipient(to *session.Session, channel string, data, meta []byte) ([]byte, []byte, bool) {
	for _, l := range s.layers {
		if !l.Recipient() || !l.Handles(abi.KindPublication, s.op.request.Action, s.op.request.Path) {
			continue
		}
		var send bool
		if data, meta, send = s.call(l, to, channel, data, meta); !send {
			return nil, nil, false
		}
	}
	return data, meta, true
}

// call shows one copy to one layer. A layer that rejects holds the copy back.
func (s *publicationScreen) call(l Layer, to *session.Session, channel string, data, meta []byte) ([]byte, []byte, bool) {
	rec := s.record()
	rec.Data, rec.Meta = data, braced(meta)
	if to != nil {
		rec.SessionID, rec.Username, rec.Channel = []byte(to.ID), userOf(to), []byte(channel)
		rec.Protocol = []byte(to.Version().String())
	}
	verdict, err := l.Call(s.op.context(), &rec)
	s.pipeline.logFault(l, err)
	switch verdict {
	case abi.VerdictPass:
		return data, meta, true
	case abi.VerdictReplace, abi.VerdictPatch:
		newData, newMeta, problem := changed(&rec)
		s.pipeline.logFault(l, problem)
		return newData, newMeta, problem == nil
	case abi.VerdictClose:
		if to != nil {
			s.pipeline.closeByLayer(s.batch, to, &rec)
		}
	}
	return nil, nil, false
}

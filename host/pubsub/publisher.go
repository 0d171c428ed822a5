package pubsub

import (
	"sync"

	"github.com/happn-host/happn-host/host/protocol"
	"github.com/happn-host/happn-host/host/session"
)

// Publication is one event on its way to subscribers. The slices are borrowed
// until Publish returns.
type Publication struct {
	Event Event
	Path  []byte
	Data  []byte // raw JSON, as stored
	Sent  []byte // raw JSON as the publisher sent it, for merge subscribers; nil if it is the same
	Meta  []byte // members of _meta that are the same on all channels, without braces

	// Judge knows which criteria of subscriptions the publication satisfies.
	Judge Judge

	Targets    []string // deliver to these sessions only, if HasTargets
	HasTargets bool
	NoCluster  bool // leave out sessions that are nodes of a cluster

	// Audience, if not nil, knows whose subscriptions may hear of the publication.
	Audience Audience

	// Recipients, if not nil, may leave out subscribers. It may be asked twice
	// about the same one, and must answer alike.
	Recipients func(to *session.Session, channel string) bool

	// Screen, if not nil, is asked about each recipient's copy.
	Screen Screen

	// Acks, if not nil, notes who must acknowledge, before anything is sent.
	Acks *Pending
}

// Audience decides who may hear of one publication. It is asked by the goroutine
// that publishes, with nil for a session that acts for nobody.
type Audience interface {
	Hears(session.Principal) bool
}

// Screen looks at publications as single recipients would get them.
type Screen interface {
	// Recipient may change data and meta (members of _meta, without braces),
	// and reports whether to send at all.
	Recipient(to *session.Session, channel string, data, meta []byte) (newData, newMeta []byte, send bool)
}

// variant tells apart the frames of one publication on one channel.
type variant struct {
	version protocol.Version
	depth   int
	merge   bool
}

// frame is a publication as text for one channel and variant.
type frame struct {
	variant
	text   []byte
	stable bool
}

// scratch is what one delivery needs and the next one uses again.
type scratch struct {
	matches  []match
	head     []byte // frame up to the channel, with the stored data
	sent     []byte // the same with the data as sent
	frames   []frame
	verdicts verdicts
	choosy   bool // not everybody who subscribed may have the publication
}

// Publisher delivers publications to the subscribers in its tree.
type Publisher struct {
	Tree *Tree
	pool sync.Pool
}

// maxCopied is the size up to which a frame is copied into each recipient's
// queue; larger ones are shared.
const maxCopied = 4 << 10

// Publish queues p for everybody who subscribed to it, through b, which the
// caller flushes.
func (p *Publisher) Publish(b *session.Batch, pub *Publication) protocol.Outcome {
	s, _ := p.pool.Get().(*scratch)
	if s == nil {
		s = &scratch{}
	}
	defer p.release(s)
	s.matches = p.Tree.match(s.matches, pub.Path)
	if len(s.matches) == 0 {
		return protocol.Outcome{}
	}
	s.choosy = pub.HasTargets || pub.NoCluster || pub.Recipients != nil
	if pub.Acks != nil {
		p.expectAcks(s, pub)
	}
	var outcome protocol.Outcome
	for _, m := range s.matches {
		for _, c := range m.topic.load() {
			if c.event == pub.Event || c.event == Any {
				s.deliver(b, pub, c, m.depth, &outcome)
			}
		}
	}
	outcome.Successful = outcome.Queued
	return outcome
}

// maxKept is how large a buffer may be to be kept for the next publication.
const maxKept = 64 << 10

func (p *Publisher) release(s *scratch) {
	s.verdicts.forget()
	clear(s.matches)
	s.matches = s.matches[:0]
	s.head, s.sent = s.head[:0], s.sent[:0]
	if cap(s.head) > maxKept || cap(s.sent) > maxKept {
		s.head, s.sent = nil, nil
	}
	p.pool.Put(s)
}

// expectAcks registers everybody who is about to be sent pub.
func (p *Publisher) expectAcks(s *scratch, pub *Publication) {
	for _, m := range s.matches {
		for _, c := range m.topic.load() {
			if c.event != pub.Event && c.event != Any {
				continue
			}
			for _, one := range c.members.load() {
				if _, ok := s.wants(one, pub, m.depth); ok {
					pub.Acks.expect(one.session)
				}
			}
		}
	}
}

// wants decides whether a member gets a publication, and in which variant.
// depth is how many segments a /** stands for.
func (s *scratch) wants(m *member, pub *Publication, depth int) (v variant, ok bool) {
	if m.removed.Load() {
		return v, false
	}
	if s.choosy && !pub.admits(m) {
		return v, false
	}
	v.merge = true
	hears := pub.Audience == nil || pub.Audience.Hears(m.session.Principal())
	held := m.load()
	for i := range held {
		sub := &held[i] // not a copy: this is done for every recipient
		if pub.Audience != nil && !sub.heard(pub.Audience, hears) {
			continue
		}
		if sub.criteria != nil && !s.verdicts.satisfies(sub.criteria, pub) {
			continue
		}
		if m.channel.deep {
			// The smallest depth serves all listeners of a client correctly: it
			// filters by the depth that the frame carries.
			d := int(sub.depth)
			if d < depth {
				continue
			}
			if v.depth == 0 || d < v.depth {
				v.depth = d
			}
		}
		v.merge = v.merge && sub.merge
		ok = true
	}
	if ok && s.choosy && pub.Recipients != nil && !pub.Recipients(m.session, m.channel.text) {
		return v, false
	}
	v.merge = v.merge && pub.Sent != nil
	v.version = m.version()
	return v, ok
}

// heard reports whether a subscription may hear of what its session may, or of
// what the one on whose behalf it was made may.
func (h *held) heard(audience Audience, hears bool) bool {
	if h.as == nil {
		return hears
	}
	return audience.Hears(*h.as)
}

// admits reports whether the publisher lets the member have the publication.
func (pub *Publication) admits(m *member) bool {
	return !(pub.HasTargets && !listed(pub.Targets, m.session.ID)) && !(pub.NoCluster && m.session.Clustered())
}

func listed(ids []string, id string) bool {
	for _, one := range ids {
		if one == id {
			return true
		}
	}
	return false
}

// deliver sends pub to the members of one channel.
func (s *scratch) deliver(b *session.Batch, pub *Publication, c *channel, depth int, outcome *protocol.Outcome) {
	s.forget()
	for _, m := range c.members.load() {
		v, ok := s.wants(m, pub, depth)
		if !ok {
			continue
		}
		outcome.Queued++
		if pub.Screen != nil {
			s.screened(b, pub, c, m, v)
			continue
		}
		f := s.frame(pub, c, v)
		b.Send(m.session, f.text, f.stable)
	}
}

// forget makes the frames of the last channel available for the next.
func (s *scratch) forget() {
	for i := range s.frames {
		if s.frames[i].stable {
			s.frames[i].text = nil
		}
	}
	s.frames = s.frames[:0]
}

// frame returns the text for a variant, writing it the first time.
func (s *scratch) frame(pub *Publication, c *channel, v variant) *frame {
	for i := range s.frames {
		if s.frames[i].variant == v {
			return &s.frames[i]
		}
	}
	head := s.headFor(pub, v.merge)
	var text []byte
	if len(s.frames) < cap(s.frames) {
		text = s.frames[:len(s.frames)+1][len(s.frames)].text[:0]
	}
	size := len(head) + len(c.text) + 64
	stable := size > maxCopied
	if stable {
		text = make([]byte, 0, size)
	}
	text = append(text, head...)
	text = protocol.AppendPublicationTail(text, v.version, c.text, v.depth)
	s.frames = append(s.frames, frame{variant: v, text: text, stable: stable})
	return &s.frames[len(s.frames)-1]
}

func (s *scratch) headFor(pub *Publication, merge bool) []byte {
	if merge {
		if len(s.sent) == 0 {
			s.sent = protocol.AppendPublicationHead(s.sent, pub.Sent, pub.Meta)
		}
		return s.sent
	}
	if len(s.head) == 0 {
		s.head = protocol.AppendPublicationHead(s.head, pub.Data, pub.Meta)
	}
	return s.head
}

// screened sends one recipient its own copy, if the screen lets it through. A
// copy that is held back counts as delivered, as in happn-3 (happn-wire.md, 10).
func (s *scratch) screened(b *session.Batch, pub *Publication, c *channel, m *member, v variant) {
	data := pub.Data
	if v.merge {
		data = pub.Sent
	}
	meta := protocol.AppendChannel(append([]byte(nil), pub.Meta...), c.text, v.depth)
	data, meta, send := pub.Screen.Recipient(m.session, c.text, data, meta)
	if !send {
		return
	}
	text := protocol.AppendPublicationHead(nil, data, meta)
	text = append(text, `},"protocol":"`...)
	text = append(text, v.version.String()...)
	b.Send(m.session, append(text, `"}`...), true)
}

package pubsub

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"unique"

	"github.com/happn-host/happn-host/host/protocol"
	"github.com/happn-host/happn-host/host/session"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// ErrTooMany is the answer to a subscription beyond the limit of a session.
var ErrTooMany = errors.New("too many subscriptions: limits.subscriptionsPerSession is reached")

// Subscription is one `on` of a session.
type Subscription struct {
	Reference string
	Channel   string // as subscribed, such as /ALL@/a/*
	Depth     int    // segments that /** spans; 0 for other channels
	Merge     bool   // wants data as it was sent, not as it is stored
	RefCount  string // the client's own number for it, "" if it gave none
	Options   string // raw JSON, "" if there were none

	// Criteria is the text of Filter; subscriptions with the same text share
	// the first one's Filter. "" for a subscription that gets everything.
	Criteria string
	Filter   Filter

	// As is on whose behalf it was made; nil is the session's own principal.
	As session.Principal
}

// member is what one session has subscribed to on one channel. It gets one
// frame for a publication, however many subscriptions it holds.
type member struct {
	session *session.Session
	channel *channel
	removed atomic.Bool
	subs    atomic.Pointer[[]held]
}

// held is a subscription as the tree keeps it. Options repeat endlessly, so
// each text is kept once in the process.
type held struct {
	number   int // the last part of the reference
	depth    int32
	merge    bool
	refCount string
	options  unique.Handle[string]
	criteria *criterion         // nil for none
	as       *session.Principal // on whose behalf; nil for the session's own
}

// Subscriber is a session as the tree knows it. Its methods may be called from
// any goroutine.
type Subscriber struct {
	tree    *Tree
	session *session.Session
	limit   int // most subscriptions, 0 for any

	mu      sync.Mutex // taken before Tree.mu
	members map[string]*member
	next    int // number of the next reference
	count   int
	ended   bool
}

// NewSubscriber returns the subscriptions of a session, none yet.
func (t *Tree) NewSubscriber(s *session.Session, limit int) *Subscriber {
	return &Subscriber{tree: t, session: s, limit: limit}
}

// Add subscribes to channel and returns the reference of the subscription.
// Reference and, for channels without /**, Depth of sub are ignored.
func (s *Subscriber) Add(sub Subscription) (reference string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return "", errors.New("the session has ended")
	}
	if s.limit > 0 && s.count >= s.limit {
		return "", ErrTooMany
	}
	m := s.members[sub.Channel]
	if m == nil {
		m = s.join(sub.Channel)
	}
	h := held{
		number: s.next, depth: int32(sub.Depth), merge: sub.Merge,
		refCount: sub.RefCount, options: unique.Make(sub.Options),
	}
	if as := sub.As; as != nil {
		h.as = &as
	}
	if sub.Criteria != "" {
		h.criteria = s.tree.share(sub.Criteria, sub.Filter)
	}
	m.set(append(m.load()[:len(m.load()):len(m.load())], h))
	s.next++
	s.count++
	s.tree.counts.Add(1)
	return s.reference(h.number), nil
}

func (s *Subscriber) reference(number int) string {
	return s.session.ReferencePrefix() + "-" + strconv.Itoa(number)
}

// join makes the session a member of a channel. The caller holds mu and puts a
// subscription into the member before it lets go; until then it gets nothing.
func (s *Subscriber) join(text string) *member {
	s.tree.mu.Lock()
	defer s.tree.mu.Unlock()
	c := s.tree.find(text, true)
	m := &member{session: s.session, channel: c}
	if s.members == nil {
		s.members = make(map[string]*member)
	}
	s.members[c.text] = m
	c.members.add(m)
	return m
}

// leave ends a membership. The caller holds mu.
func (s *Subscriber) leave(m *member) {
	delete(s.members, m.channel.text)
	s.tree.mu.Lock()
	defer s.tree.mu.Unlock()
	m.channel.members.remove(m)
	if m.channel.members.live() == 0 {
		s.tree.drop(m.channel)
	}
}

func (m *member) load() []held {
	if list := m.subs.Load(); list != nil {
		return *list
	}
	return nil
}

func (m *member) set(list []held) { m.subs.Store(&list) }

// Remove ends the subscriptions of the session on channel that which accepts,
// and returns them in the order in which they were made. As everywhere in
// subscriptions, it makes no difference whether the path has its leading slash.
func (s *Subscriber) Remove(channel string, which func(Subscription) bool) []Subscription {
	s.mu.Lock()
	defer s.mu.Unlock()
	var gone []Subscription
	for _, text := range [...]string{channel, otherSpelling(channel)} {
		if m := s.members[text]; m != nil {
			gone = append(gone, s.strip(m, which)...)
		}
	}
	return s.inOrder(gone)
}

// otherSpelling returns the channel with the leading slash of its path added or
// taken away, or the channel itself where that would mean something else.
func otherSpelling(channel string) string {
	event, path := SplitChannel(channel)
	head := channel[:len(channel)-len(path)]
	switch {
	case event == Unknown && head == "" || path == "*" || path == "/*" || strings.HasPrefix(path, "//"):
		return channel
	case strings.HasPrefix(path, "/"):
		return head + path[1:]
	}
	return head + "/" + path
}

// RemoveAll ends all subscriptions of the session and returns them.
func (s *Subscriber) RemoveAll() []Subscription {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.removeAll()
}

// Retain ends the subscriptions of the session that keep does not accept, and
// returns how many.
func (s *Subscriber) Retain(keep func(Subscription) bool) (ended int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.members {
		ended += len(s.strip(m, func(sub Subscription) bool { return !keep(sub) }))
	}
	return ended
}

// End ends all subscriptions for good: the session has gone.
func (s *Subscriber) End() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	for _, m := range s.members {
		for _, h := range m.load() {
			s.tree.unshare(h.criteria)
		}
		s.count -= len(m.load())
		s.tree.counts.Add(int64(-len(m.load())))
		s.leave(m)
	}
}

func (s *Subscriber) removeAll() []Subscription {
	var gone []Subscription
	for _, m := range s.members {
		gone = append(gone, s.strip(m, func(Subscription) bool { return true })...)
	}
	return s.inOrder(gone)
}

// inOrder sorts subscriptions by when they were made.
func (s *Subscriber) inOrder(gone []Subscription) []Subscription {
	prefix := len(s.session.ReferencePrefix()) + 1
	slices.SortFunc(gone, func(a, b Subscription) int {
		i, _ := strconv.Atoi(a.Reference[prefix:])
		j, _ := strconv.Atoi(b.Reference[prefix:])
		return cmp.Compare(i, j)
	})
	return gone
}

// strip removes subscriptions from a member, and the member when none is left.
// The caller holds mu.
func (s *Subscriber) strip(m *member, which func(Subscription) bool) (gone []Subscription) {
	var kept []held
	for _, h := range m.load() {
		sub := s.describe(m, h)
		if which(sub) {
			gone = append(gone, sub)
			s.tree.unshare(h.criteria)
		} else {
			kept = append(kept, h)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	s.count -= len(gone)
	s.tree.counts.Add(int64(-len(gone)))
	if m.set(kept); len(kept) == 0 {
		s.leave(m)
	}
	return gone
}

func (s *Subscriber) describe(m *member, h held) Subscription {
	sub := Subscription{
		Reference: s.reference(h.number), Channel: m.channel.text, Depth: int(h.depth),
		Merge: h.merge, RefCount: h.refCount, Options: h.options.Value(),
	}
	if h.as != nil {
		sub.As = *h.as
	}
	if h.criteria != nil {
		sub.Criteria, sub.Filter = h.criteria.text, h.criteria.filter
	}
	return sub
}

// AppendRemoved appends a removed subscription as an answer to off shows it
// (happn-wire.md, 4.12).
func AppendRemoved(dst []byte, s *session.Session, sub Subscription) []byte {
	dst = append(dst, `{"subscriberKey":"`...)
	dst = append(dst, s.ID...)
	dst = append(dst, `","data":{`...)
	if sub.Options != "" {
		dst = append(dst, `"options":`...)
		dst = append(dst, sub.Options...)
		dst = append(dst, ',')
	}
	dst = append(dst, `"session":`...)
	dst = s.AppendReduced(dst)
	dst = append(dst, `,"ref":`...)
	dst = rawjson.AppendString(dst, sub.Reference)
	action, path := channelParts(sub.Channel)
	dst = append(dst, `,"action":`...)
	dst = rawjson.AppendString(dst, action)
	dst = append(dst, `,"searchPath":`...)
	dst = rawjson.AppendString(dst, path)
	dst = append(dst, `,"path":`...)
	dst = rawjson.AppendString(dst, path)
	return append(dst, "}}"...)
}

// channelParts returns the event's name and the path as it was subscribed to. A
// channel without an @ is its own action.
func channelParts(channel string) (action, path string) {
	event, path := SplitChannel(channel)
	switch {
	case event == Unknown && path == channel:
		action = channel
	default:
		action = channel[:len(channel)-len(path)-1]
	}
	if len(action) > 0 && action[0] == '/' {
		action = action[1:]
	}
	return action, path
}

// version is short for what frames for this member look like.
func (m *member) version() protocol.Version { return m.session.Version() }

package pubsub

import (
	"bytes"
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
)

// Event is what happened to a document.
type Event uint8

// The events. A subscription to Any sees both others; one whose event is not
// known matches nothing.
const (
	Unknown Event = iota
	Any
	Set
	Remove
)

// DefaultDepth is the number of segments that `/**` spans where nobody says
// otherwise (happn-wire.md, 5.3).
const DefaultDepth = 5

// Tree holds subscriptions. Matching takes no locks; adding and removing take
// one for the whole tree.
type Tree struct {
	seed maphash.Seed

	mu     sync.Mutex // held by writers
	exact  table[*topic]
	root   node
	any    topic // subscriptions to `*`
	counts atomic.Int64

	criteria map[string]*criterion // by text; under mu
}

// topic is the end of one pattern: its channels, one for each text that was
// subscribed to (event and leading slash differ).
type topic struct {
	channels atomic.Pointer[[]*channel]
}

func (t *topic) load() []*channel {
	if list := t.channels.Load(); list != nil {
		return *list
	}
	return nil
}

func (t *topic) empty() bool { return len(t.load()) == 0 }

// channel is one text that sessions have subscribed to.
type channel struct {
	text    string // as subscribed, such as /ALL@/a/*
	event   Event
	deep    bool // ends in /**
	topic   *topic
	node    *node // where the topic stands, nil for exact and any
	members members
}

// node is one segment in the tree of patterns with wildcards.
type node struct {
	parent   *node
	count    int // channels at and below this node; the writer's
	children table[*node]
	star     atomic.Pointer[node]
	here     topic // patterns that end here
	deep     topic // patterns that end in /** after this segment
}

func (n *node) empty() bool { return n.count == 0 }

// NewTree returns an empty tree.
func NewTree() *Tree { return &Tree{seed: maphash.MakeSeed()} }

// Count returns the number of subscriptions.
func (t *Tree) Count() int { return int(t.counts.Load()) }

// SplitChannel splits a channel such as /ALL@/a/b at its first @ into event and
// path. Without one the event is Unknown, and matches nothing.
func SplitChannel(text string) (event Event, path string) {
	at := strings.IndexByte(text, '@')
	if at < 0 {
		return Unknown, text
	}
	switch text[:at] {
	case "/ALL":
		event = Any
	case "/SET":
		event = Set
	case "/REMOVE":
		event = Remove
	}
	return event, text[at+1:]
}

// find returns the channel with this text, making it if asked to. Writer only.
func (t *Tree) find(text string, create bool) *channel {
	event, path := SplitChannel(text)
	where, at, deep := t.locate(path, create)
	if where == nil {
		return nil
	}
	for _, c := range where.load() {
		if c.text == text {
			return c
		}
	}
	if !create {
		return nil
	}
	c := &channel{text: text, event: event, deep: deep, topic: where, node: at}
	list := append(append([]*channel(nil), where.load()...), c)
	where.channels.Store(&list)
	for n := at; n != nil; n = n.parent {
		n.count++
	}
	return c
}

// drop takes out a channel that has no members left. Writer only.
func (t *Tree) drop(c *channel) {
	var list []*channel
	for _, other := range c.topic.load() {
		if other != c {
			list = append(list, other)
		}
	}
	c.topic.channels.Store(&list)
	for n := c.node; n != nil; n = n.parent {
		n.count--
	}
}

// locate returns the topic where a subscription path belongs.
func (t *Tree) locate(path string, create bool) (where *topic, at *node, deep bool) {
	if path == "*" {
		return &t.any, nil, false
	}
	if path == "**" {
		return &t.root.deep, &t.root, true
	}
	path = strings.TrimPrefix(path, "/")
	if path == "**" {
		return &t.root.deep, &t.root, true
	}
	prefix, deep := strings.CutSuffix(path, "/**")
	if !deep && !hasStarSegment(path) {
		return t.locateExact(path, create), nil, false
	}
	at = t.descend(prefix, create)
	switch {
	case at == nil:
		return nil, nil, deep
	case deep:
		return &at.deep, at, true
	}
	return &at.here, at, false
}

func hasStarSegment(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "*" {
			return true
		}
	}
	return false
}

func (t *Tree) locateExact(path string, create bool) *topic {
	hash := maphash.String(t.seed, path)
	where := t.exact.get(hash, []byte(path))
	if where == nil && create {
		where = &topic{}
		t.exact.put(hash, strings.Clone(path), where)
	}
	return where
}

func (t *Tree) descend(pattern string, create bool) *node {
	at := &t.root
	for segment := range strings.SplitSeq(pattern, "/") {
		next := at.star.Load()
		hash := uint64(0)
		if segment != "*" {
			hash = maphash.String(t.seed, segment)
			next = at.children.get(hash, []byte(segment))
		}
		if next == nil {
			if !create {
				return nil
			}
			next = &node{parent: at}
			if segment == "*" {
				at.star.Store(next)
			} else {
				// A new node counts as empty until its channel is added, which
				// happens before the next put: no rebuild can lose it.
				at.children.put(hash, strings.Clone(segment), next)
			}
		}
		at = next
	}
	return at
}

// match is a topic that an event's path matches, with the number of segments
// that its /** stands for, 0 without one.
type match struct {
	topic *topic
	depth int
}

// match appends the topics whose patterns match the path of an event.
func (t *Tree) match(found []match, path []byte) []match {
	if !t.any.empty() {
		found = append(found, match{topic: &t.any})
	}
	path = bytes.TrimPrefix(path, []byte("/"))
	if exact := t.exact.get(maphash.Bytes(t.seed, path), path); exact != nil && !exact.empty() {
		found = append(found, match{topic: exact})
	}
	return t.walk(found, &t.root, path)
}

// walk follows the segments of rest below n. It visits each node at most once,
// so it costs no more than there are patterns.
func (t *Tree) walk(found []match, n *node, rest []byte) []match {
	if !n.deep.empty() {
		found = append(found, match{topic: &n.deep, depth: bytes.Count(rest, []byte("/")) + 1})
	}
	end := bytes.IndexByte(rest, '/')
	segment := rest
	if end >= 0 {
		segment = rest[:end]
	}
	var next [2]*node
	next[0] = n.star.Load()
	if n.children.slots.Load() != nil {
		next[1] = n.children.get(maphash.Bytes(t.seed, segment), segment)
	}
	for _, child := range next {
		switch {
		case child == nil:
		case end >= 0:
			found = t.walk(found, child, rest[end+1:])
		case !child.here.empty():
			found = append(found, match{topic: &child.here})
		}
	}
	return found
}

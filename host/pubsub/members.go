package pubsub

import "sync/atomic"

// members is a list that one goroutine at a time changes while any number
// reads, without locks. Adding and removing take constant time on average: a
// removed member is marked, and the list is made anew when half of it is.
type members struct {
	list atomic.Pointer[[]*member]
	dead int // marked members in list; the writer's
}

// load returns the members, some of which may be marked as removed. The slice
// must not be changed.
func (m *members) load() []*member {
	if list := m.list.Load(); list != nil {
		return *list
	}
	return nil
}

// live returns how many members are not removed. Writer only.
func (m *members) live() int { return len(m.load()) - m.dead }

// add appends a member. Readers that loaded the list before see it without the
// new one: the room behind their slice is not theirs.
func (m *members) add(one *member) {
	list := append(m.load(), one)
	m.list.Store(&list)
}

// remove marks a member and sweeps now and then.
func (m *members) remove(one *member) {
	one.removed.Store(true)
	m.dead++
	list := m.load()
	if m.dead*2 < len(list) {
		return
	}
	kept := make([]*member, 0, len(list)-m.dead)
	for _, other := range list {
		if !other.removed.Load() {
			kept = append(kept, other)
		}
	}
	m.dead = 0
	m.list.Store(&kept)
}

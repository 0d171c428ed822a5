package meter

import "math/bits"

// lives are sets of variables at a place in the code, 64 at most.
type lives struct {
	live uint64
	seen uint64 // those that lived at the next mark, too
	kept uint64 // those that an engine may have to keep in the stack, from where they are set
}

// liveness goes back through a trace, and counts the values of its variables that may need a place in the
// stack: each has one of its own. It looks at 64 variables at a time.
type liveness struct {
	trace *trace
	word  int
	sets  []uint64 // by block: what it sets
	heads []uint64 // by loop: what lives at its head
	ends  []lives  // by depth of blocks: what lives behind the end
	elses []lives  // by depth: what lives at the beginning of an else
	open  []int    // blocks
	slots int
	steps int // events, times words, of all functions so far
}

// maxSteps bounds the work for a module, to about a second. That of 4 MB which Go's compiler makes takes
// a million.
const maxSteps = 1 << 27

// pressure is how many variables and operands may live at once in registers.
const pressure = 11

// count returns how many slots the values of variables need.
func (l *liveness) count(t *trace) int {
	l.trace, l.slots = t, 0
	words := len(t.vars.own)
	if l.steps += words * len(t.events); l.steps > maxSteps {
		return l.most()
	}
	for l.word = range words {
		l.heading()
		l.back()
	}
	return l.slots
}

// most returns what variables need if all of them live everywhere.
func (l *liveness) most() int {
	places := 1
	for i := range l.trace.blocks {
		b := &l.trace.blocks[i]
		if b.ways > 1 {
			places++
		}
		places += int(b.backs)
	}
	for _, e := range l.trace.events {
		if e.kind() == eventSet {
			l.slots += slot128
		}
	}
	return l.slots + slot128*places*int(l.trace.vars.count)
}

// heading finds out what each block sets, and what lives at the heads of loops. Of a
// loop that nothing is known of yet nothing is taken to live at the head; what does, lives everywhere in it.
func (l *liveness) heading() {
	t := l.trace
	l.sets, l.heads = resized(l.sets, len(t.blocks)), resized(l.heads, len(t.blocks))
	if l.word == 0 {
		for i := range t.blocks {
			l.sets[i] = t.blocks[i].sets
		}
	}
	if l.word == 0 && !t.turns {
		return
	}
	l.look()
	for i := range t.blocks {
		if b := &t.blocks[i]; b.loop && b.around >= 0 {
			l.heads[i] |= l.heads[b.around]
		}
	}
}

// look goes back over all events for that.
func (l *liveness) look() {
	t, live := l.trace, uint64(0)
	for i := len(t.events) - 1; i >= 0; i-- {
		e := t.events[i]
		n := e.number()
		switch e.kind() {
		case eventGet:
			live |= l.bit(n)
		case eventSet, eventForget:
			live &^= l.bit(n)
			l.sets[l.open[len(l.open)-1]] |= l.bit(n)
		case eventEnd:
			l.enter(n, lives{live: live})
		case eventElse:
			l.elses[len(l.open)-1].live = live
			live = l.ends[len(l.open)-1].live
		case eventBegin:
			live |= l.leave(n).live
			if t.blocks[n].loop {
				l.heads[n] = live
			}
			if depth := len(l.open); depth > 0 {
				l.sets[l.open[depth-1]] |= l.sets[n]
			}
		case eventGone:
			live = 0
		case eventBranch, eventMaybe:
			if e.kind() == eventBranch {
				live = 0
			}
			if b := &t.blocks[n]; !b.loop {
				live |= l.ends[b.depth].live
			}
		}
	}
}

// bit returns the set of one variable, empty if it is not looked at.
func (l *liveness) bit(variable int) uint64 {
	if variable>>6 != l.word {
		return 0
	}
	return 1 << (variable & 63)
}

// enter comes into a block, from behind.
func (l *liveness) enter(block int, now lives) {
	if len(l.open) == len(l.ends) {
		l.ends, l.elses = append(l.ends, lives{}), append(l.elses, lives{})
	}
	l.ends[len(l.open)] = now
	l.open = append(l.open, block)
}

// leave comes to the beginning of a block, and returns what the other way from an if needs.
func (l *liveness) leave(block int) (other lives) {
	depth := len(l.open) - 1
	l.open = l.open[:depth]
	switch b := &l.trace.blocks[block]; {
	case b.choice && b.other:
		return l.elses[depth]
	case b.choice:
		return l.ends[depth]
	}
	return lives{}
}

// back goes back over all events and counts.
func (l *liveness) back() {
	t, v := l.trace, &l.trace.vars
	own := ^v.own[l.word] // the engine's own
	now := lives{}
	for i := len(t.events) - 1; i >= 0; i-- {
		e := t.events[i]
		n := e.number()
		switch e.kind() {
		case eventGet:
			now.live |= l.bit(n)
		case eventSet:
			l.need(now.kept & l.bit(n))
			now = now.without(l.bit(n))
		case eventForget:
			now = now.without(l.bit(n))
		case eventMark:
			if l.crowded(n, now.live) {
				now.kept |= now.seen & now.live
			}
			now.seen = now.live
		case eventCall: // the engine has its own variables anew behind it
			l.need(now.kept & now.live & own)
			now = now.without(own)
			now.kept = now.live
		case eventStop:
			l.need(now.live & own)
			now = now.without(own)
			now.kept = now.live
		case eventEnd:
			if t.blocks[n].ways > 1 {
				now = l.merge(n, now, l.sets[n]|own)
			}
			l.enter(n, now)
		case eventElse:
			l.elses[len(l.open)-1] = now
			now = l.ends[len(l.open)-1]
		case eventBegin:
			now = now.with(l.leave(n))
			if b := &t.blocks[n]; b.loop && b.backs > 0 {
				now = l.merge(n, now, l.sets[n]|own)
				l.turns(n)
			}
		case eventGone:
			now = lives{}
		case eventBranch, eventMaybe:
			if e.kind() == eventBranch {
				now = lives{}
			}
			if b := &t.blocks[n]; !b.loop {
				now = now.with(l.ends[b.depth])
			} else { // where the host may be called
				now = now.with(lives{l.heads[n] &^ own, l.heads[n] &^ own, l.heads[n] &^ own})
			}
		}
	}
	l.need(now.live) // parameters, and what the engine has from its caller
}

// crowded reports whether more may live at a place than there are registers for.
func (l *liveness) crowded(operands int, live uint64) bool {
	return len(l.trace.vars.own) > 1 || bits.OnesCount64(live)+operands+2 > pressure
}

// merge comes to where ways come together, and some variables get their value by that. When not all
// have a register, each of those has its place in the stack.
func (l *liveness) merge(block int, now lives, sets uint64) lives {
	own := l.trace.vars.own[l.word]
	if l.crowded(int(l.trace.blocks[block].height), now.live) {
		now.kept |= sets & now.live & own
	}
	l.need(sets & now.live & now.kept)
	now.kept &^= sets
	now.seen &^= sets
	now.live &= own
	return now
}

// turns counts the copies that each branch back makes of all that changes, if that is much.
func (l *liveness) turns(loop int) {
	b := &l.trace.blocks[loop]
	set := l.sets[loop] & l.heads[loop] & l.trace.vars.own[l.word]
	if bits.OnesCount64(set) > pressure {
		l.slots += int(b.backs) * l.weight(set)
	}
}

func (l *liveness) need(set uint64) {
	if set != 0 {
		l.slots += l.weight(set)
	}
}

// weight returns how many slots variables need.
func (l *liveness) weight(set uint64) int {
	v := &l.trace.vars
	return bits.OnesCount64(set) + bits.OnesCount64(set&v.wide[l.word]) + 2*bits.OnesCount64(set&v.vector[l.word])
}

func (l lives) with(m lives) lives {
	return lives{l.live | m.live, l.seen | m.seen, l.kept | m.kept}
}

func (l lives) without(set uint64) lives {
	return lives{l.live &^ set, l.seen &^ set, l.kept &^ set}
}

// resized returns n zeros, in place of b if there is room.
func resized(b []uint64, n int) []uint64 {
	if cap(b) < n {
		return make([]uint64, n, n+n/2)
	}
	b = b[:n]
	clear(b)
	return b
}

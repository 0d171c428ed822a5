package plugin

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/hook"
	"github.com/happn-host/happn-host/host/plugin/limit"
)

// pinned is the instance that a connection belongs to.
type pinned struct {
	gen  *generation
	slot *slot
	inst guest
}

// hold takes the slot, if the instance is still in it.
func (p *pinned) hold() (*slot, error) {
	if p.slot.state.Load() == slotBroken { // whoever takes its place may be long in coming
		return nil, errLost
	}
	s, err := p.gen.pool.acquireSlot(p.slot)
	if err != nil {
		return nil, err
	}
	if s.inst != p.inst {
		p.gen.pool.release(s)
		return nil, errLost
	}
	return s, nil
}

// speak implements speaker.
func (p *pinned) speak(export int, conn uint64, rec *abi.Record) (abi.Verdict, []byte, error) {
	s, err := p.hold()
	if err != nil {
		return 0, nil, err
	}
	began := s.counts[hook.PlaceProtocol].begin()
	verdict, output, err := p.inst.converse(export, conn, rec)
	return p.gen.conclude(s, hook.PlaceProtocol, began, rec, verdict, output, err)
}

// hangUp implements speaker. It waits for the instance, whose calls all end, unless
// that is lost.
func (p *pinned) hangUp(conn uint64, reason abi.ConnReason) {
	s, err := p.hold()
	for errors.Is(err, errBusy) {
		time.Sleep(eventPause)
		s, err = p.hold()
	}
	if err != nil {
		return
	}
	s.counts[hook.PlaceProtocol].begin()
	err = p.inst.hangUp(conn, reason)
	_, _, _ = p.gen.conclude(s, hook.PlaceProtocol, time.Time{}, nil, abi.VerdictPass, nil, err) // a fault is noted there
}

// failed implements speaker.
func (p *pinned) failed(verdict abi.Verdict, err error) {
	if verdict != abi.VerdictError {
		p.gen.invalid.Add(1)
	}
	p.gen.refused.Count(err)
	p.gen.note(err)
}

// tell implements speaker.
func (p *pinned) tell(err error) { p.gen.tell(err) }

// limits implements speaker.
func (p *pinned) limits() *limit.Set { return &p.gen.manifest.Limits }

// onError implements speaker.
func (p *pinned) onError() hook.OnError { return p.gen.hooks[hook.PlaceProtocol].onError }

// pin chooses the instance for a connection to a place, of the version that its
// session sees now, and counts the connection as its own. Without a session it is
// the plugin's own version.
func (p *protocols) pin(of *plugin, place, session string) (*pinned, hook.Endpoint, error) {
	for {
		g := of.seenBy([]byte(session))
		if g == nil || g.hooks[hook.PlaceProtocol] == nil {
			return nil, hook.Endpoint{}, errGone
		}
		endpoint, ok := g.endpoint(place)
		if !ok {
			return nil, hook.Endpoint{}, errGone
		}
		if g.breaker.open.Load() {
			g.skipped.Add(1)
			return nil, hook.Endpoint{}, errOpen
		}
		if !p.attach(g) {
			continue // its successor is in place already
		}
		s, err := g.pool.acquire(uint32(p.turn.Add(1)))
		if err != nil {
			g.skip(err)
			p.detach(g)
			if session != "" && g != of.gen.Load() {
				session = "" // the canary has no instance for it, the plugin may have one
				continue
			}
			return nil, hook.Endpoint{}, err
		}
		inst := s.inst
		g.pool.release(s)
		return &pinned{g, s, inst}, endpoint, nil
	}
}

// divide has a new connection belong to the canary if its session sees that.
// Nobody has shown the connection to a guest yet.
func (c *Connection) divide() {
	pin, ok := c.speaker.(*pinned)
	if !ok || c.plugin.seenBy([]byte(c.sessionID)) == pin.gen {
		return
	}
	next, endpoint, err := c.protocol.pin(c.plugin, c.endpoint.Place(), c.sessionID)
	if err != nil {
		return
	}
	c.mu.Lock()
	c.speaker = next
	c.mu.Unlock()
	c.endpoint = endpoint
	c.protocol.detach(pin.gen)
}

// endpoint returns what the manifest says of a place.
func (g *generation) endpoint(place string) (hook.Endpoint, bool) {
	for _, e := range g.hooks[hook.PlaceProtocol].hook.Protocol.Listen {
		if e.Place() == place {
			return e, true
		}
	}
	return hook.Endpoint{}, false
}

// attach counts a connection as the generation's, unless that is leaving.
func (p *protocols) attach(g *generation) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if g.leaving {
		return false
	}
	p.attached[g]++
	return true
}

func (p *protocols) detach(g *generation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.attached[g]--; p.attached[g] <= 0 {
		delete(p.attached, g)
	}
	close(p.changed)
	p.changed = make(chan struct{})
}

// move hands the connection over to the version of its plugin that runs now, with
// the state that the one before has saved.
func (c *Connection) move() {
	before, ok := c.speaker.(*pinned)
	c.mu.Lock()
	c.moving = false
	c.mu.Unlock()
	if !ok {
		return
	}
	next, endpoint, err := c.protocol.pin(c.plugin, c.endpoint.Place(), c.sessionID)
	if err != nil {
		c.dismiss("the plugin was replaced: " + err.Error())
		return
	}
	c.mu.Lock()
	c.speaker = next
	c.mu.Unlock()
	c.endpoint.Name, c.endpoint.Idle = endpoint.Name, endpoint.Idle
	c.open(true)
	c.watchIdle()
	before.hangUp(c.id, abi.ConnHandedOver)
	c.protocol.detach(before.gen)
	c.counts.handedOver.Add(1)
}

// handOver has another version take the connection over at a quiet moment.
func (c *Connection) handOver() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moving = true
	c.wake()
}

// on reports whether the connection belongs to a generation, and to an instance of
// it if that is not nil.
func (c *Connection) on(g *generation, inst guest) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, ok := c.speaker.(*pinned)
	return ok && p.gen == g && (inst == nil || guest(p.inst) == inst)
}

// belonging returns the connections of a generation, or of one instance of it.
func (p *protocols) belonging(g *generation, inst guest) (all []*Connection) {
	for _, c := range p.all() {
		if c.on(g, inst) {
			all = append(all, c)
		}
	}
	return all
}

// lost ends the connections of an instance that is gone, because of err.
func (p *protocols) lost(g *generation, inst guest, err error) {
	ended := p.belonging(g, inst)
	for _, c := range ended {
		c.end(abi.ConnLost, errLost.Error())
	}
	if len(ended) > 0 {
		firstLine, _, _ := strings.Cut(err.Error(), "\n")
		g.log.Warn("an instance failed, which ends its connections", "connections", len(ended), "error", firstLine)
	}
}

// drain hands the connections of a generation that no longer runs over to the one
// that does, waits up to longest for those that cannot be, and ends what is left
// then, or when hurry is closed.
func (p *protocols) drain(g *generation, longest time.Duration, hurry <-chan struct{}) {
	p.mu.Lock()
	g.leaving = true
	p.mu.Unlock()
	if longest > 0 {
		for _, c := range p.belonging(g, nil) {
			c.handOver()
		}
		p.wait(g, longest, hurry)
		if n := len(p.belonging(g, nil)); n > 0 && !closed(hurry) {
			g.tell(limit.Drain.Wrap(fmt.Errorf("%d connections were ended that went on with the version before for longer than %s (%s)", n, longest, limit.Drain)))
		}
	}
	for _, c := range p.belonging(g, nil) {
		c.dismiss("the plugin was replaced")
	}
	p.wait(g, p.limits.Goodbye, hurry)
	for _, c := range p.belonging(g, nil) {
		c.end(abi.ConnClosedByHost, "the plugin was replaced")
	}
	p.wait(g, 0, nil)
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// wait returns when a generation has no connections, or after a while, or when
// hurry is closed. 0 waits for ever.
func (p *protocols) wait(g *generation, limit time.Duration, hurry <-chan struct{}) {
	var late <-chan time.Time
	if limit > 0 {
		timer := time.NewTimer(limit)
		defer timer.Stop()
		late = timer.C
	}
	for {
		p.mu.Lock()
		left, changed := p.attached[g], p.changed
		p.mu.Unlock()
		if left == 0 {
			return
		}
		select {
		case <-changed:
		case <-late:
			return
		case <-hurry:
			return
		}
	}
}

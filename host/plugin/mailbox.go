package plugin

import (
	"context"
	"slices"
	"time"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/answer"
	"github.com/happn-host/happn-host/host/plugin/limit"
)

// step is what is done next for a connection.
type step uint8

const (
	stepRest  step = iota // nothing; the connection rests
	stepEnd               // it is over
	stepAct               // carry out what the guest wants
	stepEvent             // show what the session was sent
	stepBye               // show that the session has ended
	stepTimer             // show that a time has come
	stepMove              // hand over to another version of the plugin
	stepInput             // show what the peer has sent
	stepFlush             // let out what was sent
	stepTell              // tell the operator that it waits for answers
)

// work sees to the mailbox until there is nothing to do. The caller has claimed
// it.
func (c *Connection) work() {
	for {
		c.mu.Lock()
		s := c.next()
		c.mu.Unlock()
		switch s {
		case stepRest:
			c.release()
			return
		case stepEnd:
			c.finish()
			return
		case stepAct:
			c.act()
		case stepEvent:
			c.showEvent()
		case stepBye:
			c.showBye()
		case stepTimer:
			c.showTimer()
		case stepMove:
			c.move()
		case stepInput:
			c.showInput()
		case stepFlush:
			c.wire.Flush()
		case stepTell:
			c.tellWaiting()
		}
	}
}

// next says what is to be done. What the guest has decided goes first, in order,
// then what others have sent, and new input last. The caller holds mu.
func (c *Connection) next() step {
	switch {
	case c.over != 0:
		return stepEnd
	case len(c.todo) > 0 && (c.leaving || !c.asks() || c.mayAsk()):
		return stepAct
	case len(c.taken) > 0:
		return stepEvent
	case len(c.events) > 0:
		c.taken, c.events = c.events, c.taken[:0]
		return stepEvent
	case c.leaving && len(c.todo) == 0:
		c.stop(abi.ConnClosedByHost, *c.bye)
		return stepEnd
	case c.bye != nil && !c.leaving:
		return stepBye
	case len(c.fired) > 0:
		return stepTimer
	case c.moving && c.state != nil && c.quiet():
		return stepMove
	case c.fresh && len(c.todo) == 0 && c.mayAsk() && !c.quiesced:
		return stepInput
	case c.ended && !c.fresh && c.quiet():
		c.stop(abi.ConnClosedByPeer, "the peer has nothing more to say")
		return stepEnd
	}
	if c.unflushed {
		c.unflushed = false
		return stepFlush
	}
	if c.waits() {
		return stepTell
	}
	if len(c.todo) > 0 || c.fresh || c.ended || c.moving && c.state != nil {
		c.look()
	}
	c.working = false
	return stepRest
}

// asks reports whether what the guest wants next is a request. Bytes for the peer do
// not wait for it to read: the wire ends who does not.
func (c *Connection) asks() bool {
	const kindAt = 5 // behind the record's length and its version; take has looked at it
	return abi.Kind(c.todo[kindAt]) == abi.KindRequest
}

// mayAsk reports whether more may be asked for the peer: it reads what it is
// sent, and so does the guest. The caller holds mu.
func (c *Connection) mayAsk() bool {
	most := c.speaker.limits().Requests
	if c.asked >= most && c.session.Pending() == 0 {
		c.asked = 0 // some were never answered: a layer has dropped them
	}
	if c.asked < most {
		c.waiting = false
	}
	limit := c.protocol.limits.QueueBytes
	return c.asked < most && len(c.events)+len(c.taken) <= limit/2 && c.wire.QueuedBytes() <= limit/2
}

// waits reports, once each time, that something waits since too many requests are not
// answered. The caller holds mu.
func (c *Connection) waits() bool {
	if c.waiting || c.asked < c.speaker.limits().Requests || !c.fresh && (len(c.todo) == 0 || !c.asks()) {
		return false
	}
	c.waiting = true
	return true
}

// tellWaiting tells the operator that.
func (c *Connection) tellWaiting() {
	limits := c.speaker.limits()
	c.speaker.tell(limits.Over(limit.Requests, nil, "%d requests of a connection would not be answered, so that it waits", limits.Requests+1))
}

// quiet reports whether nothing is under way. The caller holds mu.
func (c *Connection) quiet() bool {
	return len(c.todo) == 0 && len(c.events) == 0 && len(c.taken) == 0 && len(c.fired) == 0 && c.session.Pending() == 0
}

// lookAgain is how long a connection waits for what nobody may tell it of: that
// requests have been dropped, or are all behind it.
const lookAgain = 10 * time.Millisecond

// look has somebody see to the mailbox soon. The caller holds mu.
func (c *Connection) look() {
	if c.retry == nil {
		c.retry = time.AfterFunc(lookAgain, c.wakeUp)
		return
	}
	c.retry.Reset(lookAgain)
}

// act carries out the first thing that the guest wants.
func (c *Connection) act() {
	var rec abi.Record
	rest, err := abi.CutFromList(c.todo, &rec)
	if err != nil { // was looked at before
		rest = nil
	}
	c.todo = rest
	if rec.Kind != abi.KindRequest {
		c.carryOut(&rec)
		return
	}
	c.mu.Lock()
	skip := c.leaving
	if !skip {
		c.asked++
	}
	c.mu.Unlock()
	if skip {
		return
	}
	if err := c.session.Do(context.Background(), &rec); err != nil {
		c.end(abi.ConnClosedByHost, err.Error())
	}
	c.mu.Lock()
	if c.session.Pending() == 0 {
		c.asked = 0 // a layer may have dropped it
	}
	c.mu.Unlock()
}

// carryOut does what a guest's record of kind connection says.
func (c *Connection) carryOut(rec *abi.Record) {
	if rec.Bytes != nil {
		c.send(rec.Bytes, rec.Flags&abi.FlagText != 0)
	}
	if rec.Action == abi.ActionDisconnect {
		c.end(abi.ConnClosedByPlugin, answer.ErrorText(rec.Error))
		return
	}
	if asked, _ := readAsked(rec.Options); asked.timer >= 0 {
		if err := c.setTimer(asked.timer, asked.wait); err != nil {
			c.fault(abi.VerdictEmit, err)
		}
	}
}

// send queues bytes for the peer; somebody flushes them soon.
func (c *Connection) send(b []byte, text bool) {
	c.counts.sent.Add(uint64(len(b)))
	c.wire.Send(b, text)
	c.mu.Lock()
	c.unflushed = true
	c.wake()
	c.mu.Unlock()
}

// finish ends the connection for the guest, its session and its peer.
func (c *Connection) finish() {
	c.wire.Flush()
	c.wire.Close(c.why)
	c.mu.Lock()
	for _, t := range c.timers {
		t.Stop()
	}
	c.timers = nil
	for _, t := range []*time.Timer{c.retry, c.idle, c.late, c.linger} {
		if t != nil {
			t.Stop()
		}
	}
	c.idle = nil
	c.mu.Unlock()
	c.speaker.hangUp(c.id, c.over)
	c.session.Gone()
	c.session.Closed()
	c.protocol.forget(c)
	c.release()
	close(c.done)
}

// setTimer has the guest told after a while, once; a wait of 0 or less takes that
// back. It fails if too many run, or have fired and were not shown.
func (c *Connection) setTimer(number int32, wait time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.timers[number]; t != nil {
		t.Stop()
		delete(c.timers, number)
	}
	if at := slices.Index(c.fired, number); at >= 0 {
		c.fired = slices.Delete(c.fired, at, at+1)
	}
	if wait <= 0 || c.over != 0 {
		return nil
	}
	if n, l := len(c.timers)+len(c.fired), c.speaker.limits(); n >= l.Timers {
		return l.Over(limit.Timers, abi.ErrnoLimit, "%d timers would run; stop some", n+1)
	}
	if c.timers == nil {
		c.timers = map[int32]*time.Timer{}
	}
	var t *time.Timer
	t = time.AfterFunc(wait, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.timers[number] == t {
			delete(c.timers, number)
			c.fired = append(c.fired, number)
			c.wake()
		}
	})
	c.timers[number] = t
	return nil
}

// watchIdle ends the connection when its peer has said nothing for too long.
func (c *Connection) watchIdle() {
	limit := c.endpoint.Idle
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.idle != nil {
		c.idle.Stop()
		c.idle = nil
	}
	if limit <= 0 || c.over != 0 {
		return
	}
	c.seen.Store(time.Now().UnixMilli())
	var t *time.Timer
	t = time.AfterFunc(limit, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		left := limit - time.Since(time.UnixMilli(c.seen.Load()))
		switch {
		case c.idle != t: // another one watches, or nobody any more
		case left > 0:
			t.Reset(left)
		default:
			c.part("nothing was heard for " + limit.String())
		}
	})
	c.idle = t
}

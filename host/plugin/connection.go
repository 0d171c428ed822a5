package plugin

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/hook"
)

// Connection is one connection that a plugin speaks for. What concerns it waits
// in a mailbox: what has arrived, answers and publications for its session,
// timers, its end. Whoever puts something there sees to it, unless somebody does
// already; a connection at rest has no goroutine of its own. So the guest hears of
// one thing at a time.
//
// Nothing more is taken from a peer while what it has sent is not consumed, too
// many of its requests are unanswered, or it does not read the answers.
//
// Data, Ended, Writable, Gone and Closed are for the transport.
type Connection struct {
	id        uint64
	protocol  *protocols
	plugin    *plugin
	name      string // of the plugin
	endpoint  hook.Endpoint
	from      Arrival
	wire      Wire
	session   ConnSession
	sessionID string
	counts    *connCounts // of the endpoint
	speaker   speaker     // changed by the one who sees to it, under mu

	// Of whoever sees to the mailbox.
	todo  []byte // what the guest wants done, a list of records
	keep  int    // how much of the input is to be shown again
	taken []byte // events that are being shown, a list of records; changed under mu

	mu        sync.Mutex
	working   bool           // somebody sees to the mailbox, or nobody ever will again
	over      abi.ConnReason // why it ends; 0 while it does not
	why       string         // the same for people
	leaving   bool           // the guest has been told of the end, and says goodbye
	bye       *string        // the session has ended, for this reason
	input     []byte         // of the peer, not consumed
	text      bool           // the input is a message of text
	fresh     bool           // there is input that is to be shown to the guest
	shown     int            // how much of the input it has seen, and kept
	ended     bool           // the peer has nothing more to say
	events    []byte         // records for the session, a list
	timers    map[int32]*time.Timer
	fired     []int32
	asked     int    // requests that are not answered, as far as known
	waiting   bool   // those are as many as there may be, which the operator has been told
	state     []byte // saved by the guest, nil for none
	moving    bool   // another version is to take over
	quiesced  bool   // no more input, no more requests
	unflushed bool
	retry     *time.Timer // looks again whether requests may go on
	idle      *time.Timer
	linger    *time.Timer   // shows input that has waited for more
	late      *time.Timer   // ends what takes too long to say goodbye
	stopped   chan struct{} // closed when it is over; nil if nobody waits for that

	seen atomic.Int64 // Unix ms of the last input

	readOn chan struct{} // has room for one: look again whether more may be read
	done   chan struct{} // closed when the connection is over for the guest
}

// Data takes what the peer has sent: some bytes, or one message. They are
// borrowed. It returns when more may be read.
func (c *Connection) Data(b []byte, text bool) {
	c.seen.Store(time.Now().UnixMilli())
	c.counts.received.Add(uint64(len(b)))
	c.mu.Lock()
	if c.over != 0 || c.ended || c.quiesced { // a host that stops takes nothing more
		c.mu.Unlock()
		return
	}
	c.input = append(c.input, b...)
	c.text, c.fresh = text, !c.lingers()
	mine := c.fresh && c.claim()
	c.mu.Unlock()
	if mine {
		c.work()
	}
	c.await(c.mayRead)
}

// A guest that waits for the end of something long is shown all of it again each
// time, which a peer could have it do for every byte. So little more is not
// shown at once: less than one part in fewMore of largeInput bytes or more.
const (
	largeInput = 16 << 10
	fewMore    = 16
	lingering  = 5 * time.Millisecond
)

// lingers reports whether new input is to wait for more, and sees to its being
// shown soon. The caller holds mu.
func (c *Connection) lingers() bool {
	if c.fresh || c.shown < largeInput || len(c.input)-c.shown >= c.shown/fewMore {
		return false
	}
	if c.linger == nil {
		c.linger = time.AfterFunc(lingering, c.lingered)
	}
	return true
}

func (c *Connection) lingered() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.linger = nil
	c.freshen()
}

// freshen has input shown that has waited. The caller holds mu.
func (c *Connection) freshen() {
	if len(c.input) > c.shown && !c.fresh && c.over == 0 {
		c.fresh = true
		c.wake()
	}
}

// mayRead reports whether more may be read. The caller holds mu.
func (c *Connection) mayRead() bool { return c.over != 0 || c.quiesced || !c.fresh && c.mayAsk() }

// Ended tells that the peer has nothing more to say, though it may still read. It
// returns when it has been answered.
func (c *Connection) Ended() {
	c.mu.Lock()
	c.ended = true
	c.freshen()
	c.wake()
	c.mu.Unlock()
	c.await(func() bool { return c.over != 0 || c.quiesced })
}

// await returns when ok, which is asked under mu, says so.
func (c *Connection) await(ok func() bool) {
	for {
		c.mu.Lock()
		ready := ok()
		c.mu.Unlock()
		if ready {
			return
		}
		<-c.readOn
	}
}

// Writable tells that everything that was sent has been written.
func (c *Connection) Writable() { c.wakeUp() }

func (c *Connection) wakeUp() {
	c.mu.Lock()
	c.wake()
	c.mu.Unlock()
	c.release()
}

// Heard tells that the peer is there, though it has sent nothing.
func (c *Connection) Heard() { c.seen.Store(time.Now().UnixMilli()) }

// Gone tells that nothing more can be sent.
func (c *Connection) Gone() { c.session.Gone() }

// Closed tells that the connection has ended, and why, nil for in good order. It
// may be called again.
func (c *Connection) Closed(err error) {
	if err != nil {
		c.end(abi.ConnLost, "the connection broke: "+err.Error())
		return
	}
	c.end(abi.ConnClosedByPeer, "the peer has closed the connection")
}

// end begins the end of the connection.
func (c *Connection) end(reason abi.ConnReason, why string) {
	c.mu.Lock()
	c.stop(reason, why)
	c.wake()
	c.mu.Unlock()
	c.release()
}

// stop says why the connection ends, if nobody has. The caller holds mu.
func (c *Connection) stop(reason abi.ConnReason, why string) {
	if c.over != 0 {
		return
	}
	c.over, c.why = reason, why
	if c.stopped != nil {
		close(c.stopped)
	}
}

// pause waits a moment, and reports false when the connection is over.
func (c *Connection) pause() bool {
	c.mu.Lock()
	if c.over != 0 {
		c.mu.Unlock()
		return false
	}
	if c.stopped == nil {
		c.stopped = make(chan struct{})
	}
	stopped := c.stopped
	c.mu.Unlock()
	timer := time.NewTimer(eventPause)
	defer timer.Stop()
	select {
	case <-stopped:
		return false
	case <-timer.C:
		return true
	}
}

// dismiss ends the connection in good order: the guest is told, and may say
// goodbye.
func (c *Connection) dismiss(why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.part(why)
}

// part is dismiss for who holds mu. A guest that always has something else to do
// does not hear of it, and does not keep the connection.
func (c *Connection) part(why string) {
	if c.bye == nil && c.over == 0 {
		c.bye = &why
		c.late = time.AfterFunc(c.protocol.limits.Goodbye, func() { c.end(abi.ConnClosedByHost, why) })
		c.wake()
	}
}

// release has the one who reads look again whether it may.
func (c *Connection) release() {
	select {
	case c.readOn <- struct{}{}:
	default:
	}
}

// claim makes the caller the one who sees to the mailbox, unless there is one.
// The caller holds mu, and calls work after it.
func (c *Connection) claim() bool {
	if c.working {
		return false
	}
	c.working = true
	return true
}

// wake has somebody see to the mailbox. The caller holds mu.
func (c *Connection) wake() {
	if c.claim() {
		c.protocol.spawn(c.work)
	}
}

// ConnectionLink is the connection as its session knows it: a pipeline.RecordLink,
// and one that can tell whether its peer has left.
type ConnectionLink struct{ c *Connection }

// Record implements pipeline.RecordLink.
func (l ConnectionLink) Record(rec *abi.Record) {
	c := l.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over != 0 {
		return
	}
	if rec.Kind == abi.KindResponse && c.asked > 0 {
		c.asked--
	}
	if limit := c.protocol.limits.QueueBytes; len(c.events) > 0 && len(c.events)+rec.Size() > limit {
		c.counts.slow.Add(1)
		c.stop(abi.ConnLost, "the plugin does not keep up with what the session is sent")
	} else {
		c.events = abi.AppendToList(c.events, rec)
	}
	c.wake()
}

// Close implements pipeline.RecordLink.
func (l ConnectionLink) Close(reason string) { l.c.dismiss(reason) }

// Gone implements session.Watched.
func (l ConnectionLink) Gone() bool { return l.c.wire.Gone() }

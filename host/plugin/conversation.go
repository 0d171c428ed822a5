package plugin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/answer"
	"github.com/happn-host/happn-host/host/plugin/hook"
	"github.com/happn-host/happn-host/host/plugin/limit"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// speaker speaks for connections: the guest that they are pinned to.
type speaker interface {
	// speak shows rec to one of the exports of kind protocol. output is the
	// caller's. After errBusy it may be tried again.
	speak(export int, conn uint64, rec *abi.Record) (verdict abi.Verdict, output []byte, err error)
	hangUp(conn uint64, reason abi.ConnReason)
	// failed counts an output that was no valid one.
	failed(verdict abi.Verdict, err error)
	// tell tells the operator of what the guest was refused, and goes on after.
	tell(err error)
	onError() hook.OnError
	limits() *limit.Set
}

// The exports of kind protocol, by their place in its rules.
const (
	connData = iota
	connOpen
	connEvent
	connClose
	connExports
)

// errLost says that the instance of a connection is gone.
var errLost = errors.New("the plugin's instance that had the connection was lost")

// open shows a new connection, or one that is handed over, to its speaker.
func (c *Connection) open(resumed bool) {
	options := fmt.Appendf(nil, `{"transport":%q,"tls":%t,"messages":%t,"resumed":%t`, c.endpoint.Transport(), c.from.TLS, c.endpoint.Messages(), resumed)
	for name, value := range map[string]string{"path": c.from.URL, "subprotocol": c.from.Subprotocol} {
		if value != "" {
			options = append(append(options, ',', '"'), name...)
			options = rawjson.AppendString(append(options, `":`...), value)
		}
	}
	rec := abi.Record{
		Kind: abi.KindConnection, Options: append(options, '}'), Protocol: []byte(c.endpoint.Name),
		SessionID: []byte(c.sessionID), Address: []byte(net.JoinHostPort(c.from.IP, strconv.Itoa(c.from.Port))),
	}
	if resumed {
		rec.Bytes = c.savedState()
	}
	c.show(connOpen, &rec)
}

func (c *Connection) savedState() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return bytes.Clone(c.state)
}

// show shows a record to the guest and takes over what it decides. It reports
// whether the guest has seen and consumed it.
func (c *Connection) show(export int, rec *abi.Record) (consumed bool) {
	verdict, output, err := c.ask(export, rec)
	switch {
	case err != nil:
		c.end(abi.ConnLost, err.Error())
		return true
	case verdict == abi.VerdictPass:
		return true
	case verdict == abi.VerdictNeedMore && export == connData && !c.endpoint.Messages():
		return false
	case verdict == abi.VerdictNeedMore:
		err = errors.New("asked for more where there is no stream of bytes")
	case verdict == abi.VerdictClose:
		c.end(abi.ConnClosedByPlugin, answer.ErrorText(output))
		return true
	case verdict == abi.VerdictError:
		err = fmt.Errorf("hook failed: %s", answer.ErrorText(output))
	case verdict == abi.VerdictEmit:
		if err = c.take(export, output, len(rec.Bytes)); err == nil {
			return true
		}
	}
	if c.fault(verdict, err); export == connOpen {
		c.end(abi.ConnClosedByPlugin, reasonFailed)
	}
	return true
}

// reasonFailed is all that a peer is told of what is the operator's to read.
const reasonFailed = "the plugin failed"

// fault notes what the guest did wrong, and ends the connection unless the operator
// wants it to go on after an ERROR.
func (c *Connection) fault(verdict abi.Verdict, err error) {
	c.speaker.failed(verdict, err)
	c.protocol.log.Warn("a plugin failed on a connection", "plugin", c.name, "error", err)
	if verdict != abi.VerdictError || c.speaker.onError() == hook.OnErrorClose {
		c.end(abi.ConnClosedByPlugin, reasonFailed)
	}
}

// ask calls the guest, as often as it is busy.
func (c *Connection) ask(export int, rec *abi.Record) (abi.Verdict, []byte, error) {
	for {
		verdict, output, err := c.speaker.speak(export, c.id, rec)
		if !errors.Is(err, errBusy) || !c.pause() {
			return verdict, output, err
		}
	}
}

// take looks at the records that a guest emits and puts them behind those it has
// emitted before. size is that of the bytes it was shown.
func (c *Connection) take(export int, list []byte, size int) error {
	keep, limits := 0, c.speaker.limits()
	for rest, n := list, 1; len(rest) > 0; n++ {
		if n > limits.Records {
			return limits.Over(limit.Records, nil, "emits a list of %d records or more", n)
		}
		var rec abi.Record
		var err error
		if rest, err = abi.CutFromList(rest, &rec); err != nil {
			return err
		}
		kept, err := checkEmitted(&rec)
		if err != nil {
			return err
		}
		if keep += kept; keep > size {
			break
		}
	}
	if keep > 0 && (export != connData || c.endpoint.Messages() || keep > size) {
		return fmt.Errorf("keeps %d of %d bytes; only a stream's can be kept", keep, size)
	}
	c.keep = keep
	if len(c.todo) == 0 {
		c.todo = list
		return nil
	}
	switch size := len(c.todo) + len(list); {
	case size <= limits.EmittedKiB<<10:
	case c.wire.QueuedBytes() > c.protocol.limits.QueueBytes/2:
		c.end(abi.ConnLost, "the peer asks for more, and does not read what it is sent")
		return nil
	default:
		return limits.Over(limit.EmittedKiB, nil, "emits faster than it can be carried out: %d bytes would wait", size)
	}
	c.todo = append(c.todo, list...)
	return nil
}

// asked is what the options of a guest's record of kind connection ask for.
type asked struct {
	keep  int           // bytes of the input that are to be shown again
	timer int32         // its number, -1 for none
	wait  time.Duration // 0 stops the timer
}

// maxTimer is the longest wait that a guest can ask for.
const maxTimer = 24 * time.Hour

var errAsked = errors.New(`the options of a connection's record are {"keep":n} or {"timer":{"id":n,"ms":n}}, of at most a day`)

func readAsked(options []byte) (asked, error) {
	out := asked{timer: -1}
	if len(options) == 0 {
		return out, nil
	}
	var said struct {
		Keep  *uint32 `json:"keep"`
		Timer *struct {
			ID uint32 `json:"id"`
			MS uint32 `json:"ms"`
		} `json:"timer"`
	}
	d := json.NewDecoder(bytes.NewReader(options))
	d.DisallowUnknownFields()
	if err := d.Decode(&said); err != nil {
		return out, fmt.Errorf("%w: %w", errAsked, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return out, errAsked
	}
	if said.Keep != nil {
		out.keep = int(min(*said.Keep, math.MaxInt32))
	}
	if t := said.Timer; t != nil {
		if out.wait = time.Duration(t.MS) * time.Millisecond; t.ID > math.MaxInt32 || out.wait > maxTimer {
			return out, errAsked
		}
		out.timer = int32(t.ID)
	}
	return out, nil
}

// checkEmitted is the door for a record that a guest emits. It returns how much
// input is to be kept.
func checkEmitted(rec *abi.Record) (keep int, err error) {
	switch rec.Kind {
	case abi.KindRequest: // the session looks at it
		return 0, nil
	case abi.KindConnection:
		if rec.Flags&abi.FlagText != 0 && !utf8.Valid(rec.Bytes) {
			return 0, errors.New("sends a text that is not UTF-8")
		}
		asked, err := readAsked(rec.Options)
		return asked.keep, err
	}
	return 0, fmt.Errorf("emits a record of kind %d, and not request or connection", rec.Kind)
}

// keptInput is how large the buffer of a connection that waits for more may be.
const keptInput = 4 << 10

// showInput shows what the peer has sent. Nobody adds to it meanwhile.
func (c *Connection) showInput() {
	c.mu.Lock()
	rec := abi.Record{Kind: abi.KindConnection, Bytes: c.input}
	if c.text {
		rec.Flags = abi.FlagText
	}
	c.mu.Unlock()
	if rec.Bytes == nil {
		rec.Bytes = []byte{}
	}
	c.keep = 0
	if !c.show(connData, &rec) {
		c.keep = len(rec.Bytes)
	}
	if limit := c.protocol.limits.KeptBytes; c.keep >= limit {
		c.end(abi.ConnClosedByPlugin, fmt.Sprintf("the plugin asks for more than %d bytes at once", limit))
	}
	c.mu.Lock()
	c.input = append(c.input[:0], c.input[len(c.input)-c.keep:]...)
	if len(c.input) == 0 && cap(c.input) > keptInput {
		c.input = nil
	}
	c.fresh, c.shown = false, len(c.input)
	c.mu.Unlock()
	c.release()
}

// showEvent shows the next of what the session was sent.
func (c *Connection) showEvent() {
	var rec abi.Record
	rest, err := abi.CutFromList(c.taken, &rec)
	if err == nil {
		c.show(connEvent, &rec)
	}
	c.mu.Lock()
	c.taken = rest
	c.mu.Unlock()
}

// showBye shows that the session has ended.
func (c *Connection) showBye() {
	c.mu.Lock()
	c.leaving = true
	reason := *c.bye
	c.mu.Unlock()
	c.show(connEvent, &abi.Record{Kind: abi.KindConnection, Action: abi.ActionDisconnect, Error: []byte(reason)})
}

// showTimer shows that a time has come.
func (c *Connection) showTimer() {
	c.mu.Lock()
	number := c.fired[0]
	c.fired = c.fired[1:]
	c.mu.Unlock()
	c.show(connEvent, &abi.Record{Kind: abi.KindConnection, EventID: uint64(number), Options: fmt.Appendf(nil, `{"timer":%d}`, number)})
}

package transport

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"strconv"
	"time"

	"github.com/gorilla/websocket"
)

// Primus control strings, with the opening quote of the JSON text
// (happn-wire.md, 1.2).
const (
	reservedPrefix = `"primus::`
	pongPrefix     = `"primus::pong::`
	pingPrefix     = `"primus::ping::`
	idPrefix       = `"primus::id::`
)

// legacyPingWindow is how long a client of protocol 1 to 3 may stay silent: five
// of the 25 s in which it sends its own pings.
const legacyPingWindow = 125 * time.Second

// reserved handles text that is a Primus control string, and reports whether it
// was one.
func (c *Conn) reserved(text []byte) bool {
	if !bytes.HasPrefix(text, []byte(reservedPrefix)) {
		return false
	}
	switch {
	case bytes.HasPrefix(text, []byte(pongPrefix)):
		c.alive()
	case bytes.HasPrefix(text, []byte(pingPrefix)):
		c.alive()
		c.Send(append([]byte(pongPrefix), text[len(pingPrefix):]...), false)
	case bytes.HasPrefix(text, []byte(idPrefix)):
		c.Send([]byte(idPrefix+transportID()+`"`), false)
	}
	return true
}

// transportID returns 21 characters, like the ids that Primus makes.
func transportID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, see its documentation
	return base64.RawURLEncoding.EncodeToString(b[:])[:21]
}

// alive notes a sign of life.
func (c *Conn) alive() {
	c.lastSeen.Store(time.Now().UnixMilli())
	c.pinged.Store(0)
}

// beat is called on each tick of the heartbeat, by its goroutine only. A peer
// whose answer is missing is given skips beats of grace.
func (c *Conn) beat(now time.Time, skips int) {
	if c.closing.Load() || c.owned != nil && c.owned.silent() {
		return
	}
	if c.primus && !c.peer.ServerPings() {
		if now.UnixMilli()-c.lastSeen.Load() < legacyPingWindow.Milliseconds() {
			c.skipped = 0
			return
		}
		c.miss(skips)
		return
	}
	if c.pinged.Load() != 0 {
		c.miss(skips)
		return
	}
	c.skipped = 0
	c.pinged.Store(now.UnixMilli())
	if c.primus {
		text := strconv.AppendInt([]byte(pingPrefix), now.UnixMilli(), 10)
		c.Send(append(text, '"'), false)
	} else {
		c.divert(appendHeader(nil, websocket.PingMessage, 0))
	}
	c.Flush()
}

func (c *Conn) miss(skips int) {
	if c.skipped++; c.skipped > skips {
		c.server.stats.DeadPeers.Add(1)
		c.end(0, "", false, true)
		_ = c.stream.socket.SetReadDeadline(time.Unix(1, 0))
	}
}

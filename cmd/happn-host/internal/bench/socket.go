package bench

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	opContinuation = 0x0
	opText         = 0x1
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xA

	readBuffer  = 64 << 10
	dialTimeout = 30 * time.Second
)

// socket is the client's end of a websocket, reduced to what a load needs: it
// is used by one goroutine, writes frames that were made in advance, and reads
// into one buffer.
type socket struct {
	conn net.Conn
	buf  []byte // buf[r:w] has been received but not looked at
	r, w int

	message []byte // of a message that came in fragments
}

var errServerClosed = errors.New("the server closed the connection")

// dialSocket connects and upgrades.
func dialSocket(ctx context.Context, host, path string) (*socket, error) {
	d := net.Dialer{Timeout: dialTimeout}
	conn, err := d.DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(dialTimeout))
	s, err := upgrade(conn, host, path)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	_ = conn.SetDeadline(time.Time{})
	return s, nil
}

func upgrade(conn net.Conn, host, path string) (*socket, error) {
	var nonce [16]byte
	_, _ = rand.Read(nonce[:]) // never fails
	_, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n",
		path, host, base64.StdEncoding.EncodeToString(nonce[:]))
	if err != nil {
		return nil, err
	}
	in := bufio.NewReaderSize(conn, 4096)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		return nil, fmt.Errorf("upgrade to a websocket: %w", err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols || !strings.EqualFold(resp.Header.Get("Upgrade"), "websocket") {
		return nil, fmt.Errorf("upgrade to a websocket: server answered %s", resp.Status)
	}
	s := &socket{conn: conn}
	if n := in.Buffered(); n > 0 {
		early, _ := in.Peek(n)
		s.buf = append(make([]byte, 0, readBuffer), early...)
		s.w = n
	}
	return s, nil
}

// appendFrame appends a frame to dst, masked with the key 0.
func appendFrame(dst []byte, op byte, payload []byte) []byte {
	dst = append(dst, 0x80|op)
	switch n := len(payload); {
	case n < 126:
		dst = append(dst, 0x80|byte(n))
	case n <= 0xffff:
		dst = binary.BigEndian.AppendUint16(append(dst, 0x80|126), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, 0x80|127), uint64(n))
	}
	return append(append(dst, 0, 0, 0, 0), payload...)
}

// write sends bytes that are whole frames.
func (s *socket) write(frames []byte) error {
	_, err := s.conn.Write(frames)
	return err
}

// fill waits for more bytes; it makes one system call.
func (s *socket) fill() error {
	switch {
	case s.r == s.w:
		s.r, s.w = 0, 0
	case s.r > 0 && s.w == len(s.buf):
		s.w = copy(s.buf, s.buf[s.r:s.w])
		s.r = 0
	}
	if s.w == len(s.buf) {
		grown := make([]byte, max(readBuffer, 2*len(s.buf)))
		copy(grown, s.buf[:s.w])
		s.buf = grown
	}
	n, err := s.conn.Read(s.buf[s.w:])
	s.w += n
	if n > 0 {
		return nil
	}
	return err
}

// next returns the next message that has been received completely, or nil when
// there is none yet. It is valid until the next call of fill. Pings are
// answered.
func (s *socket) next() ([]byte, error) {
	for {
		head, n, ok := s.header()
		if !ok || s.w-s.r < head+n {
			return nil, nil
		}
		first := s.buf[s.r]
		payload := s.buf[s.r+head : s.r+head+n]
		s.r += head + n
		switch op, final := first&0x0f, first&0x80 != 0; op {
		case opClose:
			return nil, errServerClosed
		case opPing:
			if err := s.write(appendFrame(nil, opPong, payload)); err != nil {
				return nil, err
			}
		case opText, opContinuation:
			if op == opText && final {
				if heartbeat(payload) {
					if err := s.pong(payload); err != nil {
						return nil, err
					}
					continue
				}
				return payload, nil
			}
			if op == opText {
				s.message = s.message[:0]
			}
			if s.message = append(s.message, payload...); final {
				return s.message, nil
			}
		}
	}
}

// header is the length of the next frame's header and of its payload.
func (s *socket) header() (head, n int, ok bool) {
	b := s.buf[s.r:s.w]
	if len(b) < 2 {
		return 0, 0, false
	}
	switch n = int(b[1] & 0x7f); {
	case n < 126:
		return 2, n, true
	case n == 126 && len(b) >= 4:
		return 4, int(binary.BigEndian.Uint16(b[2:])), true
	case n == 127 && len(b) >= 10:
		return 10, int(binary.BigEndian.Uint64(b[2:])), true
	}
	return 0, 0, false
}

const pingPrefix = `"primus::ping::`

func heartbeat(payload []byte) bool {
	return len(payload) > len(pingPrefix) && string(payload[:len(pingPrefix)]) == pingPrefix
}

func (s *socket) pong(ping []byte) error {
	answer := append([]byte(`"primus::pong::`), ping[len(pingPrefix):]...)
	return s.write(appendFrame(nil, opText, answer))
}

// read waits for one message.
func (s *socket) read() ([]byte, error) {
	for {
		m, err := s.next()
		if m != nil || err != nil {
			return m, err
		}
		if err = s.fill(); err != nil {
			return nil, err
		}
	}
}

// close says goodbye and closes.
func (s *socket) close() {
	_ = s.write(appendFrame(nil, opClose, nil))
	_ = s.conn.Close()
}

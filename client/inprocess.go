package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// DefaultInProcessBacklog is how many bytes of frames an InProcess transport
// holds for its client when NewInProcess is given no other bound.
const DefaultInProcessBacklog = 16 << 20

// ErrBacklogFull is what InProcess.Deliver returns when the client does not
// keep up. The host should close the connection, as it does with a websocket
// whose reader falls behind.
var ErrBacklogFull = errors.New("client does not keep up: frames waiting for it exceed the backlog")

// InProcess is a Transport without a socket, for a client in the process of
// its server. The server receives frames through the send function and gives
// its own to Deliver.
type InProcess struct {
	send    func(frame []byte) error
	onClose func()
	limit   int

	mu     sync.Mutex
	frames [][]byte
	bytes  int
	closed bool
	wake   chan struct{}
}

var _ Transport = (*InProcess)(nil)

// NewInProcess makes a transport whose client's frames go to send, in order
// and one at a time only if the client calls that way: send must bear
// concurrent calls and must not keep the frame. onClose, if not nil, is called
// once, when either side closes. backlog bounds the bytes that wait for the
// client; 0 means DefaultInProcessBacklog.
func NewInProcess(send func(frame []byte) error, onClose func(), backlog int) *InProcess {
	if backlog <= 0 {
		backlog = DefaultInProcessBacklog
	}
	return &InProcess{send: send, onClose: onClose, limit: backlog, wake: make(chan struct{}, 1)}
}

// Deliver gives the client one frame. It never waits and copies the frame, so
// the server may share one encoding between recipients. It fails with
// ErrBacklogFull, or after Close.
func (t *InProcess) Deliver(frame []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closed:
		return errTransportClosed
	case t.bytes+len(frame) > t.limit:
		return fmt.Errorf("%w of %d bytes", ErrBacklogFull, t.limit)
	}
	t.frames = append(t.frames, append([]byte(nil), frame...))
	t.bytes += len(frame)
	t.signal()
	return nil
}

// Send implements Transport.
func (t *InProcess) Send(ctx context.Context, frame []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t.mu.Lock()
	closed := t.closed
	t.mu.Unlock()
	if closed {
		return errTransportClosed
	}
	return t.send(frame)
}

// Receive implements Transport. Frames delivered before Close are still
// received.
func (t *InProcess) Receive() ([]byte, error) {
	for {
		t.mu.Lock()
		if len(t.frames) > 0 {
			frame := t.frames[0]
			t.frames[0] = nil
			t.frames = t.frames[1:]
			t.bytes -= len(frame)
			t.mu.Unlock()
			return frame, nil
		}
		if t.closed {
			t.mu.Unlock()
			return nil, errTransportClosed
		}
		t.frames = nil
		t.mu.Unlock()
		<-t.wake
	}
}

// Close implements Transport; the server calls it too, to end the session.
func (t *InProcess) Close() error {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return nil
	}
	t.closed = true
	t.signal()
	t.mu.Unlock()
	if t.onClose != nil {
		t.onClose()
	}
	return nil
}

func (t *InProcess) signal() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

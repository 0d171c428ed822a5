//go:build !wasip1

package hostcall

import (
	"sync"

	"github.com/happn-host/happn-host/abi"
)

// Conns are the connections that a plugin speaks for.
type Conns interface {
	ConnSend(conn uint64, flags uint8, b []byte) error
	ConnClose(conn uint64, reason string) error
	ConnState(conn uint64, state []byte) error
	ConnTimer(conn uint64, number int32, ms int64) error
}

// Host answers the calls of a plugin that runs natively.
type Host interface {
	Log(level int32, text string)
	Payload() []byte
	Features() []byte
	// World returns what the plugin reaches, nil for nothing.
	World() World
	// DefineMetric and AddMetric are the imports metric_define and metric_add.
	DefineMetric(definition []byte) int32
	AddMetric(number int32, value float64, labels []byte) int32
	Conns
}

var (
	mu      sync.Mutex
	current Host
)

// Set makes h the host of this process until the returned function is called.
// Native plugins know no instance that could carry it.
func Set(h Host) (restore func()) {
	mu.Lock()
	defer mu.Unlock()
	before := current
	current = h
	return func() {
		mu.Lock()
		defer mu.Unlock()
		current = before
	}
}

func get() Host {
	mu.Lock()
	defer mu.Unlock()
	return current
}

// Log writes a line to the host's log.
func Log(level int32, text string) {
	if h := get(); h != nil {
		h.Log(level, text)
	}
}

// Payload returns the data of the present message, in buf if it fits.
func Payload(buf []byte) []byte {
	if h := get(); h != nil {
		return append(buf[:0], h.Payload()...)
	}
	return nil
}

// Features returns what the host says of itself, as JSON.
func Features() ([]byte, error) {
	if h := get(); h != nil {
		return h.Features(), nil
	}
	return nil, abi.ErrnoUnsupported
}

// Here returns the world of the plugin that runs. Without one, everything in it
// is unsupported.
func Here() World {
	if h := get(); h != nil {
		if w := h.World(); w != nil {
			return w
		}
	}
	return nowhere{}
}

// ConnSend sends bytes on a connection.
func ConnSend(conn uint64, flags uint8, b []byte) error {
	if h := get(); h != nil {
		return h.ConnSend(conn, flags, b)
	}
	return abi.ErrnoUnsupported
}

// ConnClose ends a connection.
func ConnClose(conn uint64, reason string) error {
	if h := get(); h != nil {
		return h.ConnClose(conn, reason)
	}
	return abi.ErrnoUnsupported
}

// ConnState saves the state of a connection.
func ConnState(conn uint64, state []byte) error {
	if h := get(); h != nil {
		return h.ConnState(conn, state)
	}
	return abi.ErrnoUnsupported
}

// ConnTimer sets a timer of a connection.
func ConnTimer(conn uint64, number int32, ms int64) error {
	if h := get(); h != nil {
		return h.ConnTimer(conn, number, ms)
	}
	return abi.ErrnoUnsupported
}

// nowhere has nothing.
type nowhere struct{}

func (nowhere) Get(_, _ *abi.Record) error                     { return abi.ErrnoUnsupported }
func (nowhere) Find(*abi.Record, func(*abi.Record) bool) error { return abi.ErrnoUnsupported }
func (nowhere) Count(*abi.Record) (int, error)                 { return 0, abi.ErrnoUnsupported }
func (nowhere) Set(*abi.Record) error                          { return abi.ErrnoUnsupported }
func (nowhere) Publish(*abi.Record) error                      { return abi.ErrnoUnsupported }
func (nowhere) Remove(*abi.Record) (int, error)                { return 0, abi.ErrnoUnsupported }
func (nowhere) Call(*abi.Record) ([]byte, error)               { return nil, abi.ErrnoUnsupported }
func (nowhere) Session([]byte) ([]byte, error)                 { return nil, abi.ErrnoUnsupported }

// DefineMetric returns the number of a metric, or an error number.
func DefineMetric(definition []byte) int32 {
	if h := get(); h != nil {
		return h.DefineMetric(definition)
	}
	return int32(abi.ErrnoUnsupported)
}

// AddMetric counts or sets a value. It returns 0, or an error number.
func AddMetric(number int32, value float64, labels []byte) int32 {
	if h := get(); h != nil {
		return h.AddMetric(number, value, labels)
	}
	return int32(abi.ErrnoUnsupported)
}

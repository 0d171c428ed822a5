package hostcall

import "unsafe"

//go:wasmimport happn conn_send
func hostConnSend(conn uint64, flags uint32, b unsafe.Pointer, size uint32) int32

//go:wasmimport happn conn_close
func hostConnClose(conn uint64, reason unsafe.Pointer, size uint32) int32

//go:wasmimport happn conn_state
func hostConnState(conn uint64, state unsafe.Pointer, size uint32) int32

//go:wasmimport happn conn_timer
func hostConnTimer(conn uint64, number int32, ms int64) int32

// ConnSend sends bytes on a connection.
func ConnSend(conn uint64, flags uint8, b []byte) error {
	return outcome(hostConnSend(conn, uint32(flags), start(b), uint32(len(b))))
}

// ConnClose ends a connection.
func ConnClose(conn uint64, reason string) error {
	return outcome(hostConnClose(conn, unsafe.Pointer(unsafe.StringData(reason)), uint32(len(reason))))
}

// ConnState saves the state of a connection.
func ConnState(conn uint64, state []byte) error {
	return outcome(hostConnState(conn, start(state), uint32(len(state))))
}

// ConnTimer sets a timer of a connection.
func ConnTimer(conn uint64, number int32, ms int64) error {
	return outcome(hostConnTimer(conn, number, ms))
}

// outcome is what an import means that answers 0.
func outcome(n int32) error {
	if n < 0 {
		return failure(n)
	}
	return nil
}

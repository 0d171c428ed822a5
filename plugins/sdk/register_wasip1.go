package sdk

import (
	"unsafe"

	"github.com/happn-host/happn-host/abi"
)

// guest is the one plugin of this module. The exports below have no other place
// to find it.
var guest struct {
	runner Runner
	input  []byte
}

// Register makes p the plugin of this module. Call it from an init function, so
// that it is there when the host asks; the last call counts.
func Register(p Plugin) { guest.runner.Plugin = p }

//go:wasmexport happn_abi_v1
func marker() {}

//go:wasmexport happn_buf
func buffer(size uint32) uint32 {
	if uint64(size) > uint64(cap(guest.input)) {
		guest.input = make([]byte, size)
	}
	return address(guest.input[:1])
}

//go:wasmexport happn_init
func initialize(length uint32) int32 {
	if !guest.runner.Plugin.Configure(guest.input[:length]) {
		return 1
	}
	return 0
}

//go:wasmexport happn_inbound
func inbound(length uint32) uint64 {
	return result(guest.runner.Inbound(guest.input[:length]))
}

//go:wasmexport happn_outbound
func outbound(length uint32) uint64 {
	return result(guest.runner.Outbound(guest.input[:length]))
}

//go:wasmexport happn_event
func event(length uint32) uint64 {
	return result(guest.runner.Event(guest.input[:length]))
}

//go:wasmexport happn_service
func service(length uint32) uint64 {
	return result(guest.runner.Service(guest.input[:length]))
}

//go:wasmexport happn_search
func search(length uint32) uint64 {
	return result(guest.runner.Search(guest.input[:length]))
}

//go:wasmexport happn_http
func http(length uint32) uint64 {
	return result(guest.runner.HTTP(guest.input[:length]))
}

//go:wasmexport happn_conn_open
func connOpen(conn uint64, length uint32) uint64 {
	return result(guest.runner.ConnOpen(conn, guest.input[:length]))
}

//go:wasmexport happn_conn_data
func connData(conn uint64, length uint32) uint64 {
	return result(guest.runner.ConnData(conn, guest.input[:length]))
}

//go:wasmexport happn_conn_event
func connEvent(conn uint64, length uint32) uint64 {
	return result(guest.runner.ConnEvent(conn, guest.input[:length]))
}

//go:wasmexport happn_conn_close
func connClose(conn uint64, reason int32) {
	guest.runner.ConnClose(conn, abi.ConnReason(reason))
}

//go:wasmexport happn_tick
func tick(now int64) uint64 {
	return result(guest.runner.Tick(now))
}

//go:wasmexport happn_profile
func profile(length uint32) uint64 {
	return result(guest.runner.Profile(guest.input[:length]))
}

//go:wasmexport happn_auth
func auth(length uint32) uint64 {
	return result(guest.runner.Auth(guest.input[:length]))
}

func result(v abi.Verdict, output []byte) uint64 {
	if len(output) == 0 {
		return abi.Pack(v, 0, 0)
	}
	if len(output) > abi.MaxOutput {
		return abi.Pack(abi.VerdictError, 0, 0)
	}
	return abi.Pack(v, address(output), uint32(len(output)))
}

func address(b []byte) uint32 { return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }
